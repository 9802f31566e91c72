//! A document as one HTML file that needs nothing else: no network, no build, no other file.
//!
//! Diagrams are drawn by uPlot (MIT), which is inside with its licence; `page.js` joins it to the document: zoom, the decision under
//! the pointer, the keyboard, dark and light, paper. The content security policy lets nothing be fetched.

use std::borrow::Cow;
use std::fmt::Write;

use serde::Serialize;

use super::{Block, Chart, Claim, Document, Finding, Picture, Section, Table};
use crate::model::escaped;
use crate::report::plot::{Axis, Panel, thinned};
use crate::units::Clock;

const UPLOT: &str = include_str!("uplot/uPlot.iife.min.js");
const UPLOT_STYLE: &str = include_str!("uplot/uPlot.min.css");
const UPLOT_LICENCE: &str = include_str!("uplot/LICENSE");
const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

/// So many points are drawn of all lines of a document together, so that it stays below a megabyte.
const MOST_POINTS: usize = 40_000;
/// However many lines there are, each has so many.
const FEWEST_POINTS: usize = 200;

/// The document, what it comes to first.
pub fn render(document: &Document) -> String {
    let title = text(&document.title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"generator\" content=\"hpasim {}\">\n<title>{title}</title>\n\
         <style>\n{UPLOT_STYLE}\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        env!("CARGO_PKG_VERSION")
    );
    if !document.verdict.is_empty() {
        page += "<section class=\"verdict\" aria-label=\"Verdict\">\n";
        document.verdict.iter().for_each(|words| page += &paragraph(words));
        page += "</section>\n";
    }
    let lines = document.charts().flat_map(|chart| &chart.panels).map(|panel| panel.lines.len()).sum::<usize>();
    let mut renderer = Renderer { page, figures: 0, most_points: (MOST_POINTS / lines.max(1)).max(FEWEST_POINTS) };
    document.sections.iter().for_each(|one| renderer.section(one));
    let Renderer { mut page, figures, .. } = renderer;
    if figures > 0 {
        let _ = write!(
            page,
            "<details><summary>Diagrams are drawn by uPlot</summary><pre>{}</pre></details>\n</main>\n\
             <script>\n{UPLOT}\n</script>\n<script>\n{SCRIPT}</script>\n",
            text(UPLOT_LICENCE)
        );
    } else {
        page += "</main>\n";
    }
    page + "</body>\n</html>\n"
}

struct Renderer {
    page: String,
    figures: usize,
    most_points: usize,
}

impl Renderer {
    fn section(&mut self, section: &Section) {
        self.page += "<section>\n";
        if !section.title.is_empty() {
            let _ = writeln!(self.page, "<h2 id=\"{}\">{}</h2>", anchor(&section.title), text(&section.title));
        }
        for block in &section.blocks {
            match block {
                Block::Text(words) => self.page += &paragraph(words),
                Block::Table(rows) => self.page += &table(rows),
                Block::Notes(notes) => {
                    let items = notes.iter().map(|note| format!("<li>{}</li>\n", text(note))).collect::<String>();
                    let _ = write!(self.page, "<ul>\n{items}</ul>\n");
                }
                Block::Claims(found, claims) => self.page += &all_claims(found, claims),
                Block::Outline(lines) => {
                    let _ = writeln!(self.page, "<pre class=\"outline\">{}</pre>", text(&indented(lines)));
                }
                Block::Code(code) => {
                    let _ = writeln!(self.page, "<pre>{}</pre>", text(code));
                }
                Block::Findings(findings) => findings.iter().for_each(|one| self.page += &finding(one)),
                Block::Picture(Picture { shows, chart: Some(chart), .. }) => self.figure(shows, chart),
                // They are beside it only where they were written.
                Block::Picture(Picture { chart: None, .. }) | Block::File(..) => {}
            }
        }
        self.page += "</section>\n";
    }

    /// Diagrams below each other, with what the pointer is at.
    fn figure(&mut self, shows: &str, chart: &Chart) {
        let id = format!("figure-{}", self.figures);
        self.figures += 1;
        let shows = text(shows);
        let panels: String = chart.panels.iter().map(place).collect();
        let has_events = !chart.marks.is_empty();
        let has_time = matches!(chart.axis, Axis::Time(..));
        let buttons: String = [
            ("previous", "Previous event", has_events),
            ("next", "Next event", has_events),
            ("in", "Zoom in", has_time),
            ("out", "Zoom out", has_time),
            ("all", "Show all", has_time),
        ]
        .into_iter()
        .filter(|(.., is_of_use)| *is_of_use)
        .map(|(tool, name, _)| format!("<button type=\"button\" data-tool=\"{tool}\">{name}</button>\n"))
        .collect();
        let keys = match (has_events, has_time) {
            (true, _) => {
                "arrow keys go from event to event, Enter shows all of a decision, plus and minus zoom, 0 shows all"
            }
            (false, true) => "plus and minus zoom, 0 shows all",
            (false, false) => "values",
        };
        let hint = match (has_events, has_time) {
            (true, _) => {
                "Point at a diagram for the decision behind a change, click for all of it; drag to zoom, double-click to see \
                 all; "
            }
            (false, true) => "Drag to zoom, double-click to see all; ",
            (false, false) => "Point at a diagram for its ",
        };
        let _ = write!(
            self.page,
            "<figure data-of=\"{id}\">\n<figcaption>{shows}</figcaption>\n<div class=\"tools\">{buttons}</div>\n\
             <div class=\"said\"><p class=\"readout\" aria-live=\"polite\">{hint}{keys}.</p>\n<pre class=\"derivation\" aria-live=\"polite\" hidden></pre></div>\n\
             <div class=\"plots\" tabindex=\"0\" role=\"group\" aria-label=\"{shows}: {keys}\">\n\
             {panels}</div>\n<script type=\"application/json\" id=\"{id}\">{}</script>\n</figure>\n",
            data(chart, self.most_points)
        );
    }
}

/// Where a diagram is drawn: what it shows, and what its shades are, which no line is named by.
fn place(panel: &Panel) -> String {
    let band = panel.band.iter().map(|(label, ..)| ("band".to_owned(), label));
    let areas = panel.areas.iter().map(|area| (format!("color-{}", area.color), &area.label));
    let shades = band.chain(areas).map(|(class, label)| format!("<i class=\"{class}\"></i>{} ", text(label)));
    let shades = shades.collect::<String>();
    let key = if shades.is_empty() { shades } else { format!("<p class=\"key\">{shades}</p>") };
    format!("<div class=\"panel\"><h3>{}</h3>{key}</div>\n", text(&panel.title))
}

/// A text where text is expected, whatever characters it has.
fn text(words: &str) -> String {
    let words = words.replace('\r', " ");
    let lines: Vec<_> = words.split('\n').map(escaped).collect();
    let mut out = String::with_capacity(words.len() + 8);
    for c in lines.join("\n").chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

/// What a heading is linked by: without blanks.
fn anchor(title: &str) -> String {
    text(&title.split_whitespace().collect::<Vec<_>>().join("-"))
}

/// Lines below each other, what is part of another further in.
fn indented(lines: &[(usize, String)]) -> String {
    let line = |(depth, words): &(usize, String)| format!("{}{}", "  ".repeat(*depth), escaped(words));
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn paragraph(words: &str) -> String {
    format!("<p>{}</p>\n", text(words))
}

/// A text of more bytes is given room beside numbers, which do not wrap.
const LONG: usize = 40;

fn table(table: &Table) -> String {
    let is_long = |column: usize| table.rows.iter().any(|row| row.get(column).is_some_and(|cell| cell.len() > LONG));
    let class = |column: usize| match table.columns[column].is_number {
        true => " class=\"number\"",
        false if is_long(column) => " class=\"long\"",
        false => "",
    };
    // An arrow of two characters could be broken between them.
    let text = |cell: &str| text(cell).replace("-&gt;", "→");
    let mut out = "<div class=\"wide\"><table>\n".to_owned();
    if table.has_header() {
        let name = |(column, one): (usize, &super::Column)| {
            format!("<th scope=\"col\"{}>{}</th>", class(column), text(&one.header.to_lowercase()))
        };
        let names: String = table.columns.iter().enumerate().map(name).collect();
        let _ = writeln!(out, "<thead><tr>{names}</tr></thead>");
    }
    out += "<tbody>\n";
    for row in &table.rows {
        let cell = |(column, cell): (usize, &String)| match (column, table.has_header()) {
            (0, false) => format!("<th scope=\"row\">{}</th>", text(cell)),
            _ => format!("<td{}>{}</td>", class(column), text(cell)),
        };
        let cells: String = row.iter().enumerate().map(cell).collect();
        let _ = writeln!(out, "<tr>{cells}</tr>");
    }
    out + "</tbody></table></div>\n"
}

fn all_claims(found: &str, claims: &[Claim]) -> String {
    let mut out = String::new();
    for claim in claims {
        let name = claim.verdict.name();
        let scenario = claim
            .scenario
            .as_ref()
            .map_or_else(String::new, |scenario| format!("<a href=\"#{}\">{}</a>: ", anchor(scenario), text(scenario)));
        let section = claim.section.as_ref().map_or_else(String::new, |section| format!(" ({})", text(section)));
        let _ = writeln!(
            out,
            "<div class=\"claim {name}\"><p class=\"says\"><b>{name}</b>{scenario}&ldquo;{}&rdquo;{section}</p>",
            text(&claim.says)
        );
        let note = claim.note.as_deref().unwrap_or_default();
        for (label, words) in
            [("", claim.qualified.as_str()), (found, &claim.found), ("why", &claim.why), ("note", note)]
        {
            let colon = if label.is_empty() { "" } else { ": " };
            if !words.is_empty() {
                out += &paragraph(&format!("{label}{colon}{words}"));
            }
        }
        out += "</div>\n";
    }
    out
}

fn finding(finding: &Finding) -> String {
    let (code, name) = finding.rule;
    let (place, path) = &finding.place;
    let severity = finding.severity;
    format!(
        "<div class=\"claim {severity}\"><p class=\"says\"><b>{severity} {code}</b>{}: {}</p>\n<p><code>{} {}</code></p>\n{}{}</div>\n",
        text(name),
        text(&finding.message),
        text(place),
        text(path),
        paragraph(&format!("why: {}", finding.why)),
        paragraph(&format!("remedy: {}", finding.remedy)),
    )
}

/// What `page.js` draws.
#[derive(Serialize)]
struct Data<'a> {
    /// Where the axis ends: seconds, or twice the number of steps.
    end: i64,
    /// The names of steps, in place of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Cow<'a, str>>>,
    /// Seconds since 1970 on the clock of the load's zone.
    epoch: Option<i64>,
    zone: Option<String>,
    panels: Vec<PanelData<'a>>,
    marks: Vec<MarkData<'a>>,
}

#[derive(Serialize)]
struct PanelData<'a> {
    range: (f64, f64),
    lines: Vec<LineData<'a>>,
    band: Option<Band>,
    areas: Vec<AreaData<'a>>,
}

#[derive(Serialize)]
struct LineData<'a> {
    label: Cow<'a, str>,
    color: usize,
    style: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dash: Option<(i32, i32)>,
    times: Vec<i64>,
    values: Vec<Option<f64>>,
}

#[derive(Serialize)]
struct Band {
    from: f64,
    to: f64,
}

#[derive(Serialize)]
struct AreaData<'a> {
    color: usize,
    points: &'a [(i64, f64, f64)],
}

#[derive(Serialize)]
struct MarkData<'a> {
    at: i64,
    label: Cow<'a, str>,
    detail: Cow<'a, str>,
    /// Lines, further in by two blanks each.
    #[serde(skip_serializing_if = "String::is_empty")]
    derivation: String,
    scales: bool,
}

/// A number with as many digits as can be seen; none where there is a gap.
fn rounded(value: f64) -> Option<f64> {
    value.is_finite().then(|| format!("{value:.5e}").parse().unwrap_or(value))
}

fn panel_data(panel: &Panel, most_points: usize) -> PanelData<'_> {
    let lines = panel.lines.iter().map(|line| {
        let (times, values) =
            thinned(&line.points, most_points).into_iter().map(|(at, value)| (at, rounded(value))).unzip();
        LineData {
            label: escaped(&line.label),
            color: line.color,
            style: line.style.name(),
            dash: line.style.dashes(),
            times,
            values,
        }
    });
    PanelData {
        range: panel.vertical_range(),
        lines: lines.collect(),
        band: panel.band.as_ref().map(|(_, from, to)| Band { from: *from, to: *to }),
        areas: panel.areas.iter().map(|area| AreaData { color: area.color, points: &area.points }).collect(),
    }
}

/// The data of a chart as JSON that may stand in a script element.
fn data(chart: &Chart, most_points: usize) -> String {
    let (clock, steps) = match &chart.axis {
        Axis::Time(_, clock) => (*clock, None),
        Axis::Steps(names) => (None, Some(names.iter().map(|name| escaped(name)).collect())),
    };
    let data = Data {
        end: chart.axis.end(),
        steps,
        epoch: clock.map(Clock::wall_seconds),
        zone: clock.map(Clock::zone),
        panels: chart.panels.iter().map(|panel| panel_data(panel, most_points)).collect(),
        marks: chart
            .marks
            .iter()
            .map(|mark| MarkData {
                at: mark.at.seconds(),
                label: escaped(&mark.label),
                detail: escaped(&mark.detail),
                derivation: indented(&mark.derivation),
                scales: mark.scales,
            })
            .collect(),
    };
    // Numbers and texts are always JSON.
    serde_json::to_string(&data)
        .unwrap_or_default()
        .replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::Mark;
    use crate::report::plot::{Line, LineStyle};
    use crate::units::{SimTime, Span};

    /// A document whose every text would act if it were taken for anything but a text.
    fn hostile(points: i64) -> Document {
        let words = "</script><script>alert(1)</script>\"'&\u{202e}\u{2028}".to_owned();
        let line = |label: &String| Line {
            label: label.clone(),
            color: 0,
            style: LineStyle::Solid,
            may_be_cut: false,
            points: (0..points)
                .map(|at| (at, if at == 7 { f64::NAN } else { (at * 7919 % 1009) as f64 / 7.0 }))
                .collect(),
        };
        let panel = Panel { title: words.clone(), lines: vec![line(&words); 8], band: None, areas: Vec::new() };
        let mark = Mark {
            at: SimTime::ZERO,
            label: words.clone(),
            detail: words.clone(),
            derivation: vec![(0, words.clone())],
            scales: true,
        };
        let axis = Axis::Time(Span::from_seconds(points), None);
        let chart = Chart { panels: vec![panel; 5], axis, marks: vec![mark] };
        let blocks = vec![
            Block::Text(words.clone()),
            Block::Table(Table::listing([(words.clone(), words.clone())])),
            Block::Notes(vec![words.clone()]),
            Block::Picture(Picture { file: words.clone(), shows: words.clone(), chart: Some(chart) }),
        ];
        let section = Section { title: words.clone(), blocks };
        Document { title: words.clone(), verdict: vec![words], sections: vec![section] }
    }

    #[test]
    fn nothing_in_a_name_acts() {
        let page = render(&hostile(10));
        assert!(!page.contains("<script>alert"));
        // The diagrams' data, and the two scripts.
        assert_eq!(page.matches("</script>").count(), 3);
        assert!(!page.contains('\u{202e}'));
        let data = page.split("<script type=\"application/json\" id=\"figure-0\">").nth(1).unwrap();
        let data = data.split("</script>").next().unwrap();
        assert!(!data.contains('\u{2028}'));
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["panels"][0]["lines"][0]["values"][7], serde_json::Value::Null);
        assert!(data["marks"][0]["label"].as_str().unwrap().starts_with("</script>"));
    }

    #[test]
    fn a_week_of_changes_stays_below_a_megabyte() {
        let page = render(&hostile(604_800));
        assert!(page.len() < 1_000_000, "{} bytes", page.len());
        assert!(page.len() > 300_000, "what can be seen is there: {} bytes", page.len());
    }
}
