//! A document as CSV: its tables one after the other, an empty line between them, the section in the first column.

use super::{Block, Document};
use crate::report::csv::cell;

/// The tables of the document, what it comes to first.
pub fn render(document: &Document) -> Result<Vec<u8>, csv::Error> {
    let mut tables: Vec<Vec<u8>> = Vec::new();
    let verdict = document.verdict.iter().map(|words| vec![words.clone()]).collect();
    tables.push(table("verdict", &["text"], verdict)?);
    for section in &document.sections {
        for block in &section.blocks {
            if let Some((header, rows)) = rows(block) {
                let header: Vec<&str> = header.iter().map(String::as_str).collect();
                tables.push(table(&section.title, &header, rows)?);
            }
        }
    }
    tables.retain(|table| !table.is_empty());
    Ok(tables.join(&b'\n'))
}

/// What of a block is a table: its columns and its rows.
fn rows(block: &Block) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Some(match block {
        Block::Table(table) => {
            let name = |(index, column): (usize, &super::Column)| match column.header.as_str() {
                "" => ["name", "value"].get(index).map_or_else(|| format!("column {index}"), |name| (*name).to_owned()),
                header => header.to_lowercase(),
            };
            (table.columns.iter().enumerate().map(name).collect(), table.rows.clone())
        }
        Block::Outline(lines) => {
            let rows = lines.iter().map(|(depth, line)| vec![depth.to_string(), line.clone()]);
            (named(&["depth", "text"]), rows.collect())
        }
        Block::Findings(findings) => {
            let rows = findings.iter().map(|one| {
                let [code, name, severity, why, remedy] =
                    [one.rule.0, one.rule.1, one.severity, one.why, one.remedy].map(str::to_owned);
                vec![severity, code, name, one.place.0.clone(), one.place.1.clone(), one.message.clone(), why, remedy]
            });
            let header = ["severity", "code", "name", "place", "path", "message", "why", "remedy"];
            (named(&header), rows.collect())
        }
        Block::Claims(found, claims) => {
            let rows = claims.iter().map(|one| {
                let optional = |text: &Option<String>| text.clone().unwrap_or_default();
                vec![
                    optional(&one.scenario),
                    one.says.clone(),
                    optional(&one.section),
                    one.verdict.name().to_owned(),
                    one.qualified.clone(),
                    one.found.clone(),
                    one.why.clone(),
                    optional(&one.note),
                ]
            });
            let header = ["scenario", "says", "document", "verdict", "qualified", found, "why", "note"];
            (named(&header), rows.collect())
        }
        Block::Text(_) | Block::Notes(_) | Block::Code(_) | Block::Picture(_) | Block::File(..) => return None,
    })
}

fn table(section: &str, header: &[&str], rows: Vec<Vec<String>>) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    writer.write_record(std::iter::once("section").chain(header.iter().copied()))?;
    for row in rows {
        writer.write_record(std::iter::once(section).chain(row.iter().map(String::as_str)).map(cell))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
