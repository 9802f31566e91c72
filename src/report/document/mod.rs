//! What a command has to say, whatever the form: a command fills a [`Document`], a renderer gives it a form.
//!
//! A form is added in one file beside this one, a section in the command that it belongs to.

mod braille;
pub mod csv;
pub mod html;
pub mod markdown;
pub mod terminal;

use super::plot::{Axis, Panel};
use crate::model::ClaimVerdict;
use crate::units::SimTime;

/// All that a command says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// What it is about; a terminal, where the command stands above, does without.
    pub title: String,
    /// What it comes to: first where a page begins, last where a terminal ends.
    pub verdict: Vec<String>,
    /// Its parts.
    pub sections: Vec<Section>,
}

/// A part of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// Its heading; none if it needs none.
    pub title: String,
    /// What stands in it.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// Rows of cells.
    Table(Table),
    /// Remarks, one after the other.
    Notes(Vec<String>),
    /// A derivation: lines, each as deep as what it is part of.
    Outline(Vec<(usize, String)>),
    /// What is wrong with manifests.
    Findings(Vec<Finding>),
    /// Claims of documents that were put to the test, and what their findings are called.
    Claims(&'static str, Vec<Claim>),
    /// A picture.
    Picture(Picture),
    /// A text as it stands, such as YAML.
    Code(String),
    /// A file that is written beside the document, and what it has.
    File(String, String),
}

/// A picture that is written beside the document, or drawn in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its file.
    pub file: String,
    /// What it shows.
    pub shows: String,
    /// What is drawn, for forms that draw themselves.
    pub chart: Option<Chart>,
}

/// Diagrams below each other over the same axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// The diagrams.
    pub panels: Vec<Panel>,
    /// What is below them.
    pub axis: Axis,
    /// What happens, in the order of time.
    pub marks: Vec<Mark>,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: SimTime,
    /// What, in few words.
    pub label: String,
    /// Why.
    pub detail: String,
    /// The whole derivation of a decision: lines, each as deep as what it is part of.
    pub derivation: Vec<(usize, String)>,
    /// Whether it is a decision to scale.
    pub scales: bool,
}

/// Rows of cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What the columns are.
    pub columns: Vec<Column>,
    /// A cell for each column.
    pub rows: Vec<Vec<String>>,
}

/// What a column has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it is called; nothing over names that speak for themselves.
    pub header: String,
    /// Whether its cells are numbers, to be compared by their last digits.
    pub is_number: bool,
    /// How soon it gives way where there is no room: the largest first; zero never.
    pub folds: u8,
}

/// A claim of a document, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The scenario that it is put to the test in, if that is not the document.
    pub scenario: Option<String>,
    /// Its words.
    pub says: String,
    /// Where they stand.
    pub section: Option<String>,
    /// Whether it is true.
    pub verdict: ClaimVerdict,
    /// What there is to say about that in the same breath.
    pub qualified: String,
    /// What was found.
    pub found: String,
    /// Why, and what would make it true.
    pub why: String,
    /// What its authors should know.
    pub note: Option<String>,
}

/// Something that is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is: error, warning or note.
    pub severity: &'static str,
    /// Which rule says so: its code and its name.
    pub rule: (&'static str, &'static str),
    /// Where it stands: the place in the files, and the field.
    pub place: (String, String),
    /// What is wrong.
    pub message: String,
    /// Why it matters.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

/// How it is to look in a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether verdicts have colours and headings are bold.
    pub color: bool,
    /// Whether diagrams are drawn.
    pub plot: bool,
}

impl Style {
    /// Where there is no terminal.
    pub const PLAIN: Self = Self { width: 100, color: false, plot: false };
}

impl Document {
    /// What is drawn in it.
    fn charts(&self) -> impl Iterator<Item = &Chart> {
        self.sections.iter().flat_map(|section| &section.blocks).filter_map(|block| match block {
            Block::Picture(picture) => picture.chart.as_ref(),
            _ => None,
        })
    }
}

impl Column {
    /// A column of texts that always has its place.
    pub fn text(header: impl Into<String>) -> Self {
        Self { header: header.into(), is_number: false, folds: 0 }
    }

    /// A column of numbers that always has its place.
    pub fn number(header: impl Into<String>) -> Self {
        Self { is_number: true, ..Self::text(header) }
    }

    /// The same, giving way the sooner the larger this is.
    #[must_use]
    pub fn folds(self, folds: u8) -> Self {
        Self { folds, ..self }
    }
}

impl Table {
    /// Columns with their rows.
    pub fn new(columns: Vec<Column>, rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        Self { columns, rows: rows.into_iter().collect() }
    }

    /// Names with what they have.
    pub fn listing(rows: impl IntoIterator<Item = (String, String)>) -> Self {
        let rows = rows.into_iter().map(|(name, value)| vec![name, value]);
        Self::new(vec![Column::text(""), Column::text("")], rows)
    }

    /// Whether its columns have names.
    pub fn has_header(&self) -> bool {
        self.columns.iter().any(|column| !column.header.is_empty())
    }
}

impl Section {
    /// A table under a heading, with remarks below it.
    pub fn new(title: impl Into<String>, table: Table, notes: Vec<String>) -> Self {
        let table = (!table.rows.is_empty()).then_some(Block::Table(table));
        let notes = (!notes.is_empty()).then_some(Block::Notes(notes));
        Self { title: title.into(), blocks: table.into_iter().chain(notes).collect() }
    }
}
