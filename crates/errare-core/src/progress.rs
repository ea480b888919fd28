//! Progress of long work, to stderr: bars with a time to go on a terminal, plain lines in a log, or nothing.
//!
//! Library code takes a [`Progress`] and does not know which of the three it is.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shortest time between two lines of one bar where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Time between two looks of a bar that cannot count.
const TICK: Duration = Duration::from_millis(200);
/// Work that is done sooner than this leaves no line.
const WORTH_A_LINE: Duration = Duration::from_secs(1);

/// Where progress goes. Cheap to clone; may be shared between threads.
#[derive(Clone, Default)]
pub struct Progress {
    sink: Sink,
}

#[derive(Clone, Default)]
enum Sink {
    #[default]
    Silent,
    Terminal(MultiProgress),
    Lines {
        writer: Arc<Mutex<dyn Write + Send>>,
        interval: Duration,
        worth_a_line: Duration,
    },
}

impl fmt::Debug for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.sink {
            Sink::Silent => "Progress::Silent",
            Sink::Terminal(_) => "Progress::Terminal",
            Sink::Lines { .. } => "Progress::Lines",
        })
    }
}

impl Progress {
    /// Bars when stderr is a terminal, a line every few seconds when it is not.
    #[must_use]
    pub fn stderr() -> Self {
        if std::io::stderr().is_terminal() {
            let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            Self { sink: Sink::Terminal(bars) }
        } else {
            Self::lines(std::io::stderr(), LINE_INTERVAL, WORTH_A_LINE)
        }
    }

    /// No output at all.
    #[must_use]
    pub fn silent() -> Self {
        Self::default()
    }

    /// Plain lines to `writer`: at most one each `interval` and bar, and a last one for work that took at
    /// least `worth_a_line`.
    #[must_use]
    pub fn lines(writer: impl Write + Send + 'static, interval: Duration, worth_a_line: Duration) -> Self {
        Self { sink: Sink::Lines { writer: Arc::new(Mutex::new(writer)), interval, worth_a_line } }
    }

    /// A bar for work of `total` units, at 0.
    #[must_use]
    pub fn bar(&self, label: &str, total: u64) -> Bar {
        let now = Instant::now();
        let kind = match &self.sink {
            Sink::Silent => Kind::Silent,
            Sink::Terminal(bars) => {
                let bar = ProgressBar::new(total).with_style(style()).with_prefix(label.to_owned());
                Kind::Terminal(bars.add(bar))
            }
            Sink::Lines { writer, interval, worth_a_line } => Kind::Lines(Lines {
                writer: Arc::clone(writer),
                interval: *interval,
                worth_a_line: *worth_a_line,
                label: label.to_owned(),
                total,
                state: Mutex::new(LineState { began: now, origin: 0, last_line: now, done: false }),
            }),
        };
        Bar { kind, heartbeat: None }
    }

    /// A bar for work whose parts cannot be counted: it tells how long it has taken so far.
    #[must_use]
    pub fn busy(&self, label: &str) -> Bar {
        let mut bar = self.bar(label, 1);
        match &bar.kind {
            Kind::Silent => {}
            Kind::Terminal(spinner) => {
                spinner.set_style(busy_style());
                spinner.enable_steady_tick(TICK);
            }
            Kind::Lines(lines) => bar.heartbeat = Some(Heartbeat::of(lines)),
        }
        bar
    }

    /// A line of its own, above any bars.
    pub fn note(&self, text: &str) {
        match &self.sink {
            Sink::Silent => {}
            // A terminal that went away must not stop the work.
            Sink::Terminal(bars) => drop(bars.println(text)),
            Sink::Lines { writer, .. } => write_line(writer, text),
        }
    }
}

/// The bar of one piece of work; may be shared between threads. Dropping it finishes it.
pub struct Bar {
    kind: Kind,
    heartbeat: Option<Heartbeat>,
}

enum Kind {
    Silent,
    Terminal(ProgressBar),
    Lines(Lines),
}

struct Lines {
    writer: Arc<Mutex<dyn Write + Send>>,
    interval: Duration,
    worth_a_line: Duration,
    label: String,
    total: u64,
    state: Mutex<LineState>,
}

/// Writes a line at intervals until it is dropped.
struct Heartbeat {
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    fn of(lines: &Lines) -> Self {
        let (stop, stopped) = channel();
        let (writer, interval, label) = (Arc::clone(&lines.writer), lines.interval, lines.label.clone());
        let began = Instant::now();
        let beat = move || {
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                write_line(&writer, &format!("{label}: {} so far", human(began.elapsed())));
            }
        };
        Self { stop, thread: Some(std::thread::spawn(beat)) }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        // Neither fails unless the thread has ended already.
        let _ = self.stop.send(());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct LineState {
    /// When and at which position the rate is counted from.
    began: Instant,
    origin: u64,
    last_line: Instant,
    done: bool,
}

impl fmt::Debug for Bar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Bar")
    }
}

impl Bar {
    /// Marks the first `position` units as done before: resumed work, which must not count for the rate.
    pub fn start_at(&self, position: u64) {
        match &self.kind {
            Kind::Silent => {}
            Kind::Terminal(bar) => {
                bar.set_position(position);
                bar.reset_eta();
            }
            Kind::Lines(lines) => {
                let mut state = lines.state.lock().unwrap_or_else(PoisonError::into_inner);
                (state.began, state.origin) = (Instant::now(), position);
            }
        }
    }

    /// Shows that `position` units are done, with a short message such as a loss.
    pub fn set(&self, position: u64, message: &str) {
        match &self.kind {
            Kind::Silent => {}
            Kind::Terminal(bar) => {
                bar.set_message(message.to_owned());
                bar.set_position(position);
            }
            Kind::Lines(lines) => lines.set(position, message),
        }
    }

    /// Ends the bar.
    pub fn finish(self) {
        drop(self);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        drop(self.heartbeat.take());
        match &self.kind {
            Kind::Silent => {}
            Kind::Terminal(bar) => bar.finish_and_clear(),
            Kind::Lines(lines) => lines.finish(),
        }
    }
}

impl Lines {
    fn set(&self, position: u64, message: &str) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(state.last_line) < self.interval {
            return;
        }
        state.last_line = now;
        let percent = (100 * position.min(self.total)).checked_div(self.total).unwrap_or(100);
        let done = position.saturating_sub(state.origin);
        let left = self.total.saturating_sub(position);
        let to_go = (done > 0 && left > 0)
            .then(|| now.duration_since(state.began).mul_f64(left as f64 / done as f64));
        let mut line = format!("{}: {percent} % ({position}/{})", self.label, self.total);
        if let Some(to_go) = to_go {
            line.push_str(&format!(", {} to go", human(to_go)));
        }
        if !message.is_empty() {
            line.push_str(", ");
            line.push_str(message);
        }
        write_line(&self.writer, &line);
    }

    fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let took = state.began.elapsed();
        if !state.done && took >= self.worth_a_line {
            write_line(&self.writer, &format!("{}: done in {}", self.label, human(took)));
        }
        state.done = true;
    }
}

fn write_line(writer: &Mutex<dyn Write + Send>, line: &str) {
    let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
    // A log that cannot be written must not stop the work.
    let _ = writeln!(writer, "{line}");
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} {bar:30} {percent:>3} % {eta:>4} to go  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn busy_style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} {spinner} {elapsed} so far")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// A duration for people: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
fn human(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log that the test can read back.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn lines_tell_percent_time_to_go_and_message() {
        let log = Log::default();
        let bar = Progress::lines(log.clone(), Duration::ZERO, HOUR).bar("training", 200);
        bar.set(50, "loss 0.31");
        bar.finish();
        let text = log.text();
        assert!(text.starts_with("training: 25 % (50/200), "), "{text}");
        assert!(text.ends_with(" s to go, loss 0.31\n"), "{text}");
    }

    #[test]
    fn lines_are_rare_and_short_work_leaves_none() {
        let log = Log::default();
        let progress = Progress::lines(log.clone(), HOUR, HOUR);
        let bar = progress.bar("quick", 1000);
        (0..1000).for_each(|position| bar.set(position, ""));
        bar.finish();
        assert_eq!(log.text(), "");
        progress.note("a note is always a line");
        assert_eq!(log.text(), "a note is always a line\n");
    }

    #[test]
    fn the_last_line_comes_once() {
        let log = Log::default();
        drop(Progress::lines(log.clone(), HOUR, Duration::ZERO).bar("long", 3));
        assert_eq!(log.text(), "long: done in 0.0 s\n");
    }

    #[test]
    fn resumed_work_does_not_count_for_the_rate() {
        let log = Log::default();
        let bar = Progress::lines(log.clone(), Duration::ZERO, HOUR).bar("training", 100);
        bar.start_at(90);
        bar.set(90, "");
        assert_eq!(log.text(), "training: 90 % (90/100)\n", "no rate is known yet");
    }

    #[test]
    fn bars_are_shared_between_threads_and_keep_lines_whole() {
        let log = Log::default();
        let progress = Progress::lines(log.clone(), Duration::ZERO, HOUR);
        let bar = progress.bar("work", 400);
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let bar = &bar;
                scope.spawn(move || (0..100).for_each(|i| bar.set(100 * thread + i, "m")));
            }
        });
        let text = log.text();
        assert_eq!(text.lines().count(), 400);
        assert!(text.lines().all(|line| line.starts_with("work: ") && line.ends_with(", m")));
    }

    #[test]
    fn work_that_cannot_be_counted_shows_that_it_lives() {
        let log = Log::default();
        let bar = Progress::lines(log.clone(), Duration::from_millis(1), Duration::ZERO).busy("comparing");
        while log.text().lines().count() < 2 {
            std::thread::sleep(Duration::from_millis(1));
        }
        bar.finish();
        let text = log.text();
        assert!(text.starts_with("comparing: 0.0 s so far\n"), "{text}");
        assert!(text.lines().last().unwrap().starts_with("comparing: done in "), "{text}");
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(log.text(), text, "nothing is told of it any more");
        drop(Progress::silent().busy("nothing"));
        busy_style();
    }

    #[test]
    fn silence_and_empty_work_are_harmless() {
        let bar = Progress::silent().bar("nothing", 0);
        bar.set(3, "beyond the end");
        let log = Log::default();
        Progress::lines(log.clone(), Duration::ZERO, HOUR).bar("nothing", 0).set(3, "");
        assert_eq!(log.text(), "nothing: 100 % (3/0)\n");
        style();
    }

    #[test]
    fn durations_read_well() {
        let texts = [0.44, 9.96, 200.0, 7_500.0].map(|seconds| human(Duration::from_secs_f64(seconds)));
        assert_eq!(texts, ["0.4 s", "10 s", "3 min 20 s", "2 h 5 min"]);
    }
}
