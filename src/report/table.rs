//! Tables as kubectl prints them: no lines, columns three blanks apart.

use textwrap::core::display_width;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

/// A table with upper-case headers and left-aligned cells, no wider than its contents.
pub fn plain(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headers.to_vec());
    for row in rows {
        table.add_row(row);
    }
    finish(table)
}

/// The same of cells without line breaks and of rows without end, which are made twice and not kept.
pub fn long<const COLUMNS: usize>(
    headers: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]> + Clone,
) -> String {
    let mut widths = headers.map(display_width);
    for row in rows.clone() {
        widths.iter_mut().zip(&row).for_each(|(width, cell)| *width = (*width).max(display_width(cell)));
    }
    let mut text = String::new();
    for row in std::iter::once(headers.map(str::to_owned)).chain(rows) {
        for (cell, width) in row.iter().zip(widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width + 3 - display_width(cell)));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// The same, but no wider than `width`: cells are broken over lines.
pub fn wrapped(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>, width: u16) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(headers.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2)).set_cell_alignment(CellAlignment::Left);
    }
    trimmed(&table)
}

/// The same without a header, the first column being names.
pub fn listing(rows: impl IntoIterator<Item = (String, String)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for (name, value) in rows {
        table.add_row(vec![name, value]);
    }
    finish(table)
}

fn finish(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 3)).set_cell_alignment(CellAlignment::Left);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(1)));
    }
    trimmed(&table)
}

/// The table without blanks at the ends of lines.
fn trimmed(table: &Table) -> String {
    let mut text = String::new();
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
