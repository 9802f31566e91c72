//! A document in a terminal, as wide as that is.
//!
//! Tables look as kubectl prints them: no lines, columns three blanks apart. Where there is no room, columns that matter least are
//! told below their row, then cells are broken between words; a word is never broken, nothing is left out.

use textwrap::core::display_width;

use super::{Block, Claim, Document, Finding, Picture, Section, Style, Table, braille};
use crate::model::{ClaimVerdict, escaped};

/// Longer lines of words are hard to read; tables may be wider.
const WIDEST_PROSE: usize = 120;

/// Blanks between two columns: as kubectl has them, and where there is little room.
const GAPS: [usize; 2] = [3, 2];

/// The document, what it comes to last. Names are data: what is not our own must not act on the terminal.
pub fn render(document: &Document, style: Style) -> String {
    let mut parts: Vec<String> = document.sections.iter().map(|one| section(one, style)).collect();
    if !document.verdict.is_empty() {
        parts.push(document.verdict.iter().map(|text| paragraph(text, "", "", style.width)).collect());
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn section(section: &Section, style: Style) -> String {
    let mut text = String::new();
    if !section.title.is_empty() {
        text += &painted(&paragraph(&section.title, "", "", style.width), "1", style);
    }
    let mut before: Option<&Block> = None;
    for block in &section.blocks {
        let told = match block {
            Block::Text(words) => paragraph(words, "", "", style.width),
            Block::Table(rows) => table(rows, style.width),
            Block::Notes(notes) => notes.iter().map(|note| paragraph(note, "  - ", "    ", style.width)).collect(),
            Block::Claims(found, claims) => all_claims(found, claims, style),
            Block::Outline(lines) => outline(lines, style.width),
            Block::Code(code) => code.lines().map(|line| format!("  {line}\n")).collect(),
            Block::Findings(findings) => findings.iter().map(|one| finding(one, style)).collect(),
            Block::Picture(Picture { chart: Some(chart), .. }) if style.plot => braille::render(chart, style),
            // The command says which files it has written.
            Block::Picture(_) | Block::File(..) => continue,
        };
        let belongs = match before {
            None => true,
            Some(Block::Table(_)) => matches!(block, Block::Notes(_)),
            Some(Block::Text(_)) => matches!(block, Block::Table(_) | Block::Outline(_)),
            _ => false,
        };
        if !belongs {
            text.push('\n');
        }
        text += &told;
        before = Some(block);
    }
    // Over what is not shown here a heading says nothing; by itself it does.
    let is_over_nothing = before.is_none() && !section.blocks.is_empty();
    if is_over_nothing { String::new() } else { text }
}

/// Words broken over lines, none of them within a word, whatever lines they came in; ends its last line.
fn paragraph(words: &str, first: &str, rest: &str, width: usize) -> String {
    let width = width.min(WIDEST_PROSE);
    let options = textwrap::Options::new(width).break_words(false).initial_indent(first).subsequent_indent(rest);
    let options = options.word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines: Vec<&str> = words.lines().collect();
    textwrap::fill(&escaped(&lines.join(" ")), options) + "\n"
}

fn painted(text: &str, code: &str, style: Style) -> String {
    if !style.color {
        return text.to_owned();
    }
    let lines = text.lines().map(|line| format!("\x1b[{code}m{line}\x1b[0m\n"));
    lines.collect()
}

fn all_claims(found: &str, claims: &[Claim], style: Style) -> String {
    let mut text = String::new();
    for (index, one) in claims.iter().enumerate() {
        if let Some(scenario) =
            one.scenario.as_ref().filter(|_| index == 0 || claims[index - 1].scenario != one.scenario)
        {
            let blank = if index == 0 { "" } else { "\n" };
            text += &format!("{blank}{}", painted(&paragraph(scenario, "", "", style.width), "1", style));
        }
        text += &claim(found, one, style);
    }
    text
}

/// Lines below each other, what is part of another further in.
fn outline(lines: &[(usize, String)], width: usize) -> String {
    let line = |(depth, words): &(usize, String)| {
        let indent = "  ".repeat(depth + 1);
        paragraph(words, &indent, &format!("{indent}  "), width)
    };
    lines.iter().map(line).collect()
}

/// As compilers say it: the first line is whole, whatever the width, for those who search in it or click on it.
fn finding(finding: &Finding, style: Style) -> String {
    let (code, name) = finding.rule;
    let (place, path) = &finding.place;
    let severity = format!("{}[{code}]", finding.severity);
    let color = match finding.severity {
        "error" => "31",
        "warning" => "33",
        _ => "36",
    };
    let severity = if style.color { format!("\x1b[{color}m{severity}\x1b[0m") } else { severity };
    let told = [place, path, &finding.message].map(|words| escaped(words));
    let mut text = format!("{}: {severity} {name}: {}: {}\n", told[0], told[1], told[2]);
    for (label, words) in [("why", finding.why), ("remedy", finding.remedy)] {
        let indent = format!("  {label}: ");
        text += &paragraph(words, &indent, &" ".repeat(indent.len()), style.width);
    }
    text
}

/// How far the words of a claim are indented: as the longest verdict is.
const VERDICT_WIDTH: usize = "contradicted".len() + 4;

/// Its verdict and its words, what was found, why.
fn claim(found: &str, claim: &Claim, style: Style) -> String {
    let indent = " ".repeat(VERDICT_WIDTH);
    let verdict = format!("  {:<width$}", claim.verdict.name(), width = VERDICT_WIDTH - 2);
    let place = claim.section.as_ref().map_or_else(String::new, |section| format!(" ({section})"));
    let mut text = paragraph(&format!("\"{}\"{place}", claim.says), &verdict, &indent, style.width);
    let code = match claim.verdict {
        ClaimVerdict::Confirmed => "32",
        ClaimVerdict::Contradicted => "31",
        ClaimVerdict::Depends => "33",
    };
    if style.color {
        text = text.replacen(claim.verdict.name(), &format!("\x1b[{code}m{}\x1b[0m", claim.verdict.name()), 1);
    }
    let parts = [("", claim.qualified.as_str()), (found, &claim.found), ("why", &claim.why)];
    let note = ("note", claim.note.as_deref().unwrap_or_default());
    for (label, words) in parts.into_iter().chain([note]).filter(|(_, words)| !words.is_empty()) {
        let colon = if label.is_empty() { "" } else { ": " };
        text += &paragraph(&format!("{label}{colon}{words}"), &indent, &format!("{indent}  "), style.width);
    }
    text
}

/// How a table is laid out.
struct Layout {
    /// The columns that stand in the grid, and how wide they are.
    grid: Vec<(usize, usize)>,
    gap: usize,
    /// The columns that are told below each row, and those that are told once, since all rows have the same.
    below: Vec<usize>,
    once: Vec<usize>,
}

impl Layout {
    /// First columns stand closer together, then headers are broken, then columns fold, then cells are broken.
    fn of(table: &Table, cells: &[Vec<String>], width: usize) -> Self {
        let longest = |words: &str| words.split_whitespace().map(display_width).max().unwrap_or(1);
        let of_cells = |column: usize, of: &dyn Fn(&str) -> usize| cells.iter().map(|row| of(&row[column])).max();
        let header = |column: usize| table.columns[column].header.as_str();
        let with_header = |of: &dyn Fn(&str) -> usize| -> Vec<(usize, usize)> {
            let whole = |column: usize| of_cells(column, &display_width).unwrap_or(0).max(of(header(column))).max(1);
            (0..table.columns.len()).map(|column| (column, whole(column))).collect()
        };
        let needs = |grid: &[(usize, usize)], gap: usize| {
            grid.iter().map(|column| column.1 + gap).sum::<usize>().saturating_sub(gap)
        };
        let [wide, narrow] = GAPS;
        let mut layout = Self { grid: with_header(&display_width), gap: wide, below: Vec::new(), once: Vec::new() };
        if needs(&layout.grid, wide) > width {
            layout.gap = narrow;
        }
        if needs(&layout.grid, narrow) > width {
            layout.grid = with_header(&longest);
        }
        while needs(&layout.grid, narrow) > width {
            let may_fold = layout.grid.iter().map(|column| column.0).filter(|&column| table.columns[column].folds > 0);
            let Some(least) = may_fold.max_by_key(|&column| table.columns[column].folds) else { break };
            layout.grid.retain(|column| column.0 != least);
            let same = cells.len() > 1 && cells.windows(2).all(|rows| rows[0][least] == rows[1][least]);
            if same { layout.once.push(least) } else { layout.below.push(least) }
        }
        layout.below.sort_unstable();
        layout.once.sort_unstable();
        let least = |column: usize| of_cells(column, &longest).unwrap_or(1).max(longest(header(column)));
        let least: Vec<usize> = layout.grid.iter().map(|column| least(column.0)).collect();
        while needs(&layout.grid, layout.gap) > width {
            // The widest that can be narrower gives way.
            let narrower = layout.grid.iter_mut().zip(&least).filter(|(column, least)| column.1 > **least);
            let Some((widest, _)) = narrower.max_by_key(|(column, _)| column.1) else { break };
            widest.1 -= 1;
        }
        layout
    }
}

/// A table no wider than that, if its words allow it.
fn table(table: &Table, width: usize) -> String {
    let cells: Vec<Vec<String>> =
        table.rows.iter().map(|row| row.iter().map(|cell| escaped(cell).into_owned()).collect()).collect();
    let layout = Layout::of(table, &cells, width);
    let mut text = String::new();
    if table.has_header() {
        let headers: Vec<String> = table.columns.iter().map(|column| column.header.clone()).collect();
        text += &grid_row(&headers, &layout);
    }
    // What there is none of needs no words.
    let told = |row: &[String], columns: &[usize]| {
        let has_one = columns.iter().filter(|&&column| !matches!(row[column].as_str(), "" | "-"));
        let named = has_one.map(|&column| format!("{} {}", table.columns[column].header, row[column]));
        named.collect::<Vec<_>>().join("; ")
    };
    for row in &cells {
        text += &grid_row(row, &layout);
        let below = told(row, &layout.below);
        if !below.is_empty() {
            text += &paragraph(&below, "  ", "  ", width);
        }
    }
    let of_all = cells.first().map(|row| told(row, &layout.once)).unwrap_or_default();
    if !of_all.is_empty() {
        text += &paragraph(&format!("in every row: {of_all}"), "  ", "  ", width);
    }
    text
}

/// A row, over as many lines as its longest cell needs.
fn grid_row(row: &[String], layout: &Layout) -> String {
    let wrapped = |&(column, width): &(usize, usize)| {
        let options = textwrap::Options::new(width).break_words(false);
        textwrap::wrap(&row[column], options.word_splitter(textwrap::WordSplitter::NoHyphenation))
    };
    let cells: Vec<Vec<_>> = layout.grid.iter().map(wrapped).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for line in 0..height {
        let begin = text.len();
        for (cell, (_, width)) in cells.iter().zip(&layout.grid) {
            let part = cell.get(line).map_or("", |part| part.as_ref());
            text += part;
            text.extend(std::iter::repeat_n(' ', (width + layout.gap).saturating_sub(display_width(part))));
        }
        text.truncate(begin + text[begin..].trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Column;
    use super::*;

    /// A table of random words, its columns giving way in a random order.
    fn any_table() -> impl Strategy<Value = Table> {
        let cell = || proptest::collection::vec("[a-z0-9:/]{1,14}", 0..6).prop_map(|words| words.join(" "));
        (1usize..9, 0usize..6).prop_flat_map(move |(columns, rows)| {
            let column =
                ("[A-Z]{1,9}( [A-Z]{1,9})?", 0u8..4).prop_map(|(header, folds)| Column::text(header).folds(folds));
            let rows = proptest::collection::vec(proptest::collection::vec(cell(), columns), rows);
            (proptest::collection::vec(column, columns), rows).prop_map(|(columns, rows)| Table::new(columns, rows))
        })
    }

    proptest! {
        /// Every word of every cell is there and whole; lines are as wide as they may be, unless columns that stay are wider by
        /// their longest words alone.
        #[test]
        fn nothing_is_left_out_and_no_word_is_broken(rows in any_table(), width in 40usize..180) {
            let text = table(&rows, width);
            let mut shown: Vec<&str> = text.split([' ', '\n', ';']).filter(|word| !word.is_empty()).collect();
            shown.sort_unstable();
            for cell in rows.rows.iter().flatten() {
                for word in cell.split_whitespace() {
                    prop_assert!(shown.binary_search(&word).is_ok(), "{word}\n{text}");
                }
            }
            let longest = |column: usize| {
                let cells = rows.rows.iter().map(|row| row[column].as_str());
                cells.chain([rows.columns[column].header.as_str()]).flat_map(str::split_whitespace).map(str::len).max()
            };
            let stay = (0..rows.columns.len()).filter(|&column| rows.columns[column].folds == 0);
            let least: usize = stay.map(|column| longest(column).unwrap_or(0) + GAPS[1]).sum();
            for line in text.lines() {
                prop_assert!(line.len() <= width.max(least) , "{} > {width}\n{text}", line.len());
                prop_assert_eq!(line, line.trim_end());
            }
        }
    }

    #[test]
    fn what_all_rows_have_is_told_once() {
        let columns = vec![Column::text("NAME"), Column::text("NAMESPACE").folds(1), Column::text("WHAT IT HAS")];
        let row =
            |name: &str, has: &str| vec![name.to_owned(), "a-namespace-with-a-long-name".to_owned(), has.to_owned()];
        let rows = Table::new(columns, [row("web", "one and another and a third"), row("api", "none")]);
        assert_eq!(
            table(&rows, 40),
            "NAME  WHAT IT HAS\nweb   one and another and a third\napi   none\n  in every row: NAMESPACE\n  a-namespace-with-a-long-name\n"
        );
    }

    #[test]
    fn a_text_of_several_lines_is_one_paragraph_and_a_heading_is_over_something() {
        let section = |title: &str, blocks| Section { title: title.to_owned(), blocks };
        let text = Block::Text("one\ntwo\n".to_owned());
        let file = Block::File("a.csv".to_owned(), "All".to_owned());
        let sections =
            vec![section("Seen", vec![text]), section("Not seen", vec![file]), section("None: 0", Vec::new())];
        let document = Document { sections, ..Document::default() };
        assert_eq!(render(&document, Style::PLAIN), "Seen\none two\n\nNone: 0\n");
    }

    #[test]
    fn names_do_not_act_on_the_terminal() {
        let rows = Table::listing([("web\u{1b}[31m".to_owned(), "a\nb".to_owned())]);
        assert_eq!(table(&rows, 80), "web\\u{1b}[31m   a\\nb\n");
    }
}
