//! The SVG document around a drawing: its size, its words for those who cannot see it, and, inside a page,
//! the page's colours.

use kuva::backend::svg::SvgBackend;
use kuva::render::render::Scene;

use super::style::{Colours, Setting};
use super::text;
use crate::Figure;
use crate::colour::{GRID, INK, MUTED, PAPER, SHADE, on_dark};

/// Neutral colours that a page may set otherwise, with the names of its custom properties.
const THEMED: [(&str, crate::Rgb); 5] =
    [("ink", INK), ("muted", MUTED), ("grid", GRID), ("paper", PAPER), ("shade", SHADE)];

pub(crate) fn finish(figure: &Figure, setting: Setting, colours: &Colours, scene: &Scene) -> String {
    let drawing = SvgBackend::new().render_scene(scene);
    // kuva writes neither a view box nor a title: its opening tag gives way to ours.
    let body = drawing.split_once('>').map_or("", |(_, body)| body);
    let (width, height) = (text::px(scene.width), text::px(scene.height));
    let name = &figure.name;
    let mut svg = format!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" id="drawing-{n}-svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" "#,
            r#"role="img" aria-labelledby="drawing-{n}-title drawing-{n}-desc" font-family="{f}" fill="{ink}">"#,
            "\n<title id=\"drawing-{n}-title\">{title}</title><desc id=\"drawing-{n}-desc\">{desc}</desc>\n"
        ),
        w = width,
        h = height,
        n = name,
        f = text::FONTS,
        ink = INK.hex(),
        title = escape(&figure.title),
        desc = escape(&figure.description_text()),
    );
    if setting == Setting::Standalone {
        svg.push_str(&format!(r#"<rect width="{width}" height="{height}" fill="{}"/>"#, PAPER.hex()));
    }
    svg.push_str(body);
    if setting == Setting::Inline { themed(&svg, name, colours) } else { svg }
}

/// The drawing with colours that follow the page's: neutral ones as the page sets them, those of series lighter
/// on a dark ground.
fn themed(svg: &str, name: &str, colours: &Colours) -> String {
    let mut themed = svg.to_owned();
    let mut dark = String::new();
    let neutral = THEMED.map(|(property, rgb)| (format!("figure-{property}"), rgb));
    let series = colours.all().iter().copied().filter(|rgb| THEMED.iter().all(|(_, neutral)| neutral != rgb));
    let series = series.enumerate().map(|(index, rgb)| {
        dark.push_str(&format!("--series-{index}:{};", on_dark(rgb).hex()));
        (format!("series-{index}"), rgb)
    });
    for (property, rgb) in neutral.into_iter().chain(series) {
        let hex = rgb.hex();
        themed = themed.replace(&format!("=\"{hex}\""), &format!("=\"var(--{property},{hex})\""));
    }
    let rule = format!(
        "<style>@media screen and (prefers-color-scheme:dark){{#drawing-{name}-svg{{{dark}}}}}</style>"
    );
    match themed.find("</desc>") {
        Some(place) if !dark.is_empty() => themed.insert_str(place + "</desc>".len(), &rule),
        _ => {}
    }
    themed
}

/// Text for XML content; what XML cannot hold is dropped.
fn escape(content: &str) -> String {
    let mut escaped = String::with_capacity(content.len());
    for character in content.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(' '),
            control if control.is_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}
