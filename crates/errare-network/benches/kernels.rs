//! Kernels and cells against this machine's limit: `cargo bench -p errare-network --bench kernels`.
//!
//! The limit of a piece of work is the sum of its multiply-adds at the peak and its softplus values at their own
//! throughput, measured first in the same run; nothing is credited for doing both at once.
//! Criterion prints `thrpt` as the share of that limit. Times are CPU time of the process, so that other work on
//! the machine disturbs little.

use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter};
use criterion::{Criterion, Throughput};
use errare_network::benchmark::{Unit, Work, cells, matrix_kernels};
use rustix::time::{ClockId, clock_gettime};

/// CPU time of the process (nanoseconds).
fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Criterion's clock.
struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = f64;
    type Value = f64;

    fn start(&self) -> f64 {
        cpu_time()
    }

    fn end(&self, start: f64) -> f64 {
        cpu_time() - start
    }

    fn add(&self, a: &f64, b: &f64) -> f64 {
        a + b
    }

    fn zero(&self) -> f64 {
        0.0
    }

    fn to_f64(&self, value: &f64) -> f64 {
        *value
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for CpuTime {
    fn scale_values(&self, _typical: f64, values: &mut [f64]) -> &'static str {
        values.iter_mut().for_each(|value| *value /= 1e3);
        "µs"
    }

    /// The throughput of a benchmark is its limit (picoseconds).
    fn scale_throughputs(&self, _typical: f64, limit: &Throughput, values: &mut [f64]) -> &'static str {
        if let Throughput::Elements(picoseconds) = limit {
            values.iter_mut().for_each(|value| *value = *picoseconds as f64 / 10.0 / *value);
        }
        "% of the limit"
    }

    fn scale_for_machines(&self, _values: &mut [f64]) -> &'static str {
        "ns"
    }
}

/// Time of one of a unit, in the fastest of many rounds (nanoseconds).
fn cost(unit: Unit) -> f64 {
    const COUNT: u64 = 1_000_000;
    let rounds = (0..100).map(|_| {
        let start = cpu_time();
        let spent = unit.spend(COUNT);
        (cpu_time() - start) / spent as f64
    });
    rounds.fold(f64::INFINITY, f64::min)
}

#[expect(clippy::print_stdout, reason = "a benchmark reports to its user")]
fn main() {
    let costs = Unit::ALL.map(|unit| (unit, cost(unit)));
    for (unit, cost) in costs {
        println!("{}: {cost:.4} ns", unit.name());
    }
    let limit = |work: &Work| -> f64 {
        let of = |unit: Unit| costs.iter().find(|(other, _)| *other == unit).map_or(0.0, |(_, cost)| *cost);
        work.needs.iter().map(|(unit, count)| count * of(*unit)).sum()
    };
    let mut criterion = Criterion::default().with_measurement(CpuTime).configure_from_args();
    for (name, all) in [("kernels", matrix_kernels()), ("cells", cells())] {
        let mut group = criterion.benchmark_group(name);
        group
            .sample_size(20)
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_millis(500));
        for mut work in all {
            group.throughput(Throughput::Elements((1e3 * limit(&work)) as u64));
            group.bench_function(work.name.clone(), |bencher| bencher.iter(|| work.run()));
        }
        group.finish();
    }
    criterion.final_summary();
}
