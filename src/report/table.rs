//! Tables without end as kubectl prints them: no lines, columns three blanks apart.

use textwrap::core::display_width;

/// A table of cells without line breaks and of rows without end, which are made twice and not kept.
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
