//! From a page to HTML: what the template sees, and the template engine.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::{Block, Cell, KeyNumber, Page, Section, Table};
use crate::draw::{self, Setting};
use crate::figure::data;
use crate::number::{self, MISSING};
use crate::{Error, Figure, Result};

/// Rows of a figure's data shown in the page; all of them are in its download.
const PREVIEW: usize = 12;

pub(super) fn render(page: &Page, template: &str) -> Result<String> {
    let view = PageView::of(page)?;
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // A tag on a line of its own leaves no line behind.
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("template", template)?;
    Ok(environment.get_template("template")?.render(Serde(view))?)
}

#[derive(Serialize)]
struct PageView<'a> {
    title: &'a str,
    summary: &'a str,
    language: &'a str,
    key_numbers: Vec<NumberView<'a>>,
    sections: Vec<SectionView<'a>>,
    provenance: Vec<FactView<'a>>,
    generator: &'a str,
}

#[derive(Serialize)]
struct FactView<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct NumberView<'a> {
    label: &'a str,
    value: &'a str,
    interval: &'a str,
    note: &'a str,
}

#[derive(Serialize)]
struct SectionView<'a> {
    id: String,
    title: &'a str,
    blocks: Vec<BlockView<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum BlockView<'a> {
    Paragraph { text: &'a str },
    List { items: &'a [String] },
    Note { text: &'a str },
    Heading { text: &'a str },
    KeyNumbers { numbers: Vec<NumberView<'a>> },
    Table(TableView<'a>),
    Figure(FigureView<'a>),
}

#[derive(Serialize)]
struct TableView<'a> {
    caption: &'a str,
    note: &'a str,
    columns: Vec<ColumnView<'a>>,
    rows: Vec<Vec<CellView<'a>>>,
}

#[derive(Serialize)]
struct ColumnView<'a> {
    title: &'a str,
    numeric: bool,
}

/// `class` is `met`, `unmet`, `untested`, `missing` or empty; `mark` a sign that needs no colour.
#[derive(Serialize)]
struct CellView<'a> {
    text: &'a str,
    detail: &'a str,
    mark: &'a str,
    class: &'a str,
}

#[derive(Serialize)]
struct FigureView<'a> {
    name: &'a str,
    number: usize,
    title: &'a str,
    caption: &'a str,
    how_computed: &'a [String],
    svg: String,
    svg_uri: String,
    csv_uri: String,
    data_columns: Vec<String>,
    data_rows: Vec<Vec<String>>,
    data_count: String,
    data_shown: usize,
    data_complete: bool,
}

impl<'a> PageView<'a> {
    fn of(page: &'a Page) -> Result<Self> {
        let (mut ids, mut names) = (HashSet::new(), HashSet::new());
        let mut figures = 0;
        let mut sections = Vec::new();
        for section in &page.sections {
            sections.push(SectionView::of(section, &mut ids, &mut names, &mut figures)?);
        }
        Ok(Self {
            title: &page.title,
            summary: &page.summary,
            language: &page.language,
            key_numbers: page.key_numbers.iter().map(NumberView::of).collect(),
            sections,
            provenance: page.provenance.iter().map(|(name, value)| FactView { name, value }).collect(),
            generator: &page.generator,
        })
    }
}

impl<'a> NumberView<'a> {
    fn of(number: &'a KeyNumber) -> Self {
        Self { label: &number.label, value: &number.value, interval: &number.interval, note: &number.note }
    }
}

impl<'a> SectionView<'a> {
    fn of(
        section: &'a Section,
        ids: &mut HashSet<String>,
        names: &mut HashSet<&'a str>,
        figures: &mut usize,
    ) -> Result<Self> {
        let mut blocks = Vec::new();
        for block in &section.blocks {
            blocks.push(match block {
                Block::Paragraph(text) => BlockView::Paragraph { text },
                Block::List(items) => BlockView::List { items },
                Block::Note(text) => BlockView::Note { text },
                Block::Heading(text) => BlockView::Heading { text },
                Block::KeyNumbers(numbers) => {
                    BlockView::KeyNumbers { numbers: numbers.iter().map(NumberView::of).collect() }
                }
                Block::Table(table) => BlockView::Table(TableView::of(table)?),
                Block::Figure(figure) => {
                    if !names.insert(&figure.name) {
                        return Err(Error::DuplicateFigure { name: figure.name.clone() });
                    }
                    *figures += 1;
                    BlockView::Figure(FigureView::of(figure, *figures)?)
                }
            });
        }
        Ok(Self { id: fresh_id(&section.title, ids), title: &section.title, blocks })
    }
}

/// An id made of the title's letters. Sections start with `s-`, figures with `figure-` and what is drawn with
/// `drawing-`, so that none meets another.
fn fresh_id(title: &str, ids: &mut HashSet<String>) -> String {
    let mut id = String::from("s");
    for word in title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        id.push('-');
        id.push_str(&word.to_lowercase());
    }
    let mut candidate = id.clone();
    let mut number = 2;
    while !ids.insert(candidate.clone()) {
        candidate = format!("{id}-{number}");
        number += 1;
    }
    candidate
}

impl<'a> TableView<'a> {
    fn of(table: &'a Table) -> Result<Self> {
        table.check()?;
        let columns = table.columns.iter().map(|c| ColumnView { title: &c.title, numeric: c.numeric });
        let rows = table.rows.iter().map(|row| row.iter().map(CellView::of).collect());
        Ok(Self {
            caption: &table.caption,
            note: &table.note,
            columns: columns.collect(),
            rows: rows.collect(),
        })
    }
}

impl<'a> CellView<'a> {
    fn of(cell: &'a Cell) -> Self {
        let (text, detail, mark, class) = match cell {
            Cell::Text(text) => (text.as_str(), "", "", ""),
            Cell::Explained { text, detail } => (text.as_str(), detail.as_str(), "", ""),
            Cell::Met(Some(true)) => ("met", "", "✓", "met"),
            Cell::Met(Some(false)) => ("not met", "", "✗", "unmet"),
            Cell::Met(None) => ("not tested", "", "–", "untested"),
            Cell::Missing => (MISSING, "", "", "missing"),
        };
        Self { text, detail, mark, class }
    }
}

impl<'a> FigureView<'a> {
    fn of(figure: &'a Figure, number: usize) -> Result<Self> {
        figure.check_name()?;
        let mut rows = data::rows(figure);
        let count = rows.len() - 1;
        rows.truncate(PREVIEW + 1);
        let data_columns = rows.remove(0);
        rows.iter_mut().flat_map(|row| row.iter_mut().skip(2)).for_each(shorten);
        Ok(Self {
            name: &figure.name,
            number,
            title: &figure.title,
            caption: &figure.caption,
            how_computed: &figure.how_computed,
            svg: draw::svg(figure, Setting::Inline),
            svg_uri: data_uri("image/svg+xml", &draw::svg(figure, Setting::Standalone)),
            csv_uri: data_uri("text/csv;charset=utf-8", &figure.csv()),
            data_columns,
            data_shown: rows.len(),
            data_complete: rows.len() == count,
            data_rows: rows,
            data_count: number::count(count as u64),
        })
    }
}

/// Cuts a number of the preview to six significant digits.
fn shorten(cell: &mut String) {
    let short = cell.parse::<f64>().ok().and_then(|value| format!("{value:.5e}").parse::<f64>().ok());
    if let Some(short) = short {
        *cell = short.to_string();
    }
}

fn data_uri(kind: &str, content: &str) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(content))
}
