//! Pictures: diagrams below each other over one horizontal axis. Fonts come with the binary.
//!
//! A file for each picture says what is drawn; this one draws it.

mod capacity;
mod curve;
mod draw;
mod run;
mod stroke;

use plotters::prelude::*;

use self::draw::{PANEL_HEIGHT, TITLE_HEIGHT, WIDTH, draw};
use super::document::Chart;
use crate::units::{Clock, Span};

pub use capacity::{capacity_chart, capacity_picture};
pub use curve::thinned;
pub use run::{Curves, chart, picture};
pub use stroke::LineStyle;

/// Why a picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the picture could not be drawn: {0}")]
pub struct PlotError(String);

/// One diagram of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What it shows, with the unit.
    pub title: String,
    /// Its lines.
    pub lines: Vec<Line>,
    /// A shaded range of the vertical axis: label, from, to.
    pub band: Option<(String, f64, f64)>,
    /// Shaded ranges that change along the axis, behind the lines.
    pub areas: Vec<Area>,
}

/// A range between two lines that is filled.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    /// Its name in the legend.
    pub label: String,
    /// Its colour, an index of the palette.
    pub color: usize,
    /// Where it is on the axis, and from what to what; it holds until the next point.
    pub points: Vec<(i64, f64, f64)>,
}

/// The horizontal axis.
#[derive(Clone, Debug, PartialEq)]
pub enum Axis {
    /// Seconds since the start, this many; the instant of the start, if it is known.
    Time(Span, Option<Clock>),
    /// Steps with names; step `i` goes from `2 i` to `2 i + 2`.
    Steps(Vec<String>),
}

impl Axis {
    /// The last position.
    pub fn end(&self) -> i64 {
        match self {
            Self::Time(duration, _) => duration.seconds().max(1),
            Self::Steps(names) => 2 * names.len() as i64,
        }
    }

    /// Where there are labels.
    pub(super) fn ticks(&self) -> Vec<i64> {
        match self {
            Self::Time(_, start) => {
                let step = tick_step(self.end());
                // At round times of the clock.
                let first = (step - start.map_or(0, Clock::wall_seconds).rem_euclid(step)) % step;
                (0..).map(|tick| first + tick * step).take_while(|&at| at <= self.end()).collect()
            }
            Self::Steps(names) => (0..names.len() as i64).map(|step| 2 * step + 1).collect(),
        }
    }

    pub(super) fn label(&self, at: i64) -> String {
        match self {
            Self::Time(_, None) => Span::from_seconds(at).to_string(),
            Self::Time(_, Some(start)) => time_of_day(start.wall_seconds() + at, tick_step(self.end())),
            Self::Steps(names) => names.get(at as usize / 2).cloned().unwrap_or_default(),
        }
    }
}

/// The time of day, or the day where that is what a step takes; at midnight the day.
fn time_of_day(seconds: i64, step: i64) -> String {
    let Ok(instant) = jiff::Timestamp::from_second(seconds) else { return String::new() };
    let civil = instant.to_zoned(jiff::tz::TimeZone::UTC);
    let is_midnight = seconds.rem_euclid(86_400) == 0;
    let format = match step {
        _ if is_midnight => "%b %-d",
        ..60 => "%H:%M:%S",
        _ => "%H:%M",
    };
    civil.strftime(format).to_string()
}

/// A line of a diagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub label: String,
    /// Its colour, an index of the palette.
    pub color: usize,
    /// How it is drawn.
    pub style: LineStyle,
    /// Whether it may be cut off where it is far above the others, so that it does not flatten them.
    pub may_be_cut: bool,
    /// Seconds since the start, and the value; it holds until the next point.
    pub points: Vec<(i64, f64)>,
}

/// Okabe and Ito's colours, told apart by everybody: blue, orange, green, red, purple, grey.
const PALETTE: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(110, 110, 110),
];
const GREY: usize = 5;
/// A colour of the palette.
pub(super) fn color(index: usize) -> (u8, u8, u8) {
    let RGBColor(red, green, blue) = PALETTE[index.min(GREY)];
    (red, green, blue)
}

/// The points of a line as it is drawn over so many columns: each value holds until the next.
pub(super) fn drawn_points(line: &Line, end: i64, columns: i64) -> Vec<(i64, f64)> {
    drawn(&line.points, end, columns)
}

/// The same of any values.
fn drawn(points: &[(i64, f64)], end: i64, columns: i64) -> Vec<(i64, f64)> {
    decimate(&steps(points, end), end, columns)
}

/// The largest value that is drawn.
const MOST: f64 = 1e12;

fn line(label: impl Into<String>, color: usize, style: LineStyle, points: Vec<(i64, f64)>) -> Line {
    // Beyond this the axis cannot be labelled.
    let points = points.into_iter().map(|(at, value)| (at, value.clamp(-MOST, MOST))).collect();
    Line { label: label.into(), color, style, may_be_cut: false, points }
}

/// What so many nodes cost a month each, and what on average until the end.
fn cost(price: f64, nodes: Vec<(i64, f64)>, mean: Option<(f64, i64)>) -> Panel {
    let average = mean.map(|(mean, end)| {
        let label = format!("on average {}", super::amounts::decimal(mean, 2));
        line(label, GREY, LineStyle::Reference, vec![(0, mean), (end, mean)])
    });
    let at_each = nodes.into_iter().map(|(at, nodes)| (at, nodes * price)).collect();
    let at_each = line("at the moment", 0, LineStyle::Solid, at_each);
    Panel {
        title: "Price of the nodes (a month)".to_owned(),
        lines: average.into_iter().chain([at_each]).collect(),
        band: None,
        areas: Vec::new(),
    }
}

/// What a picture is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// PNG.
    Pixels,
    /// SVG: text stays text, in the reader's own font without serifs.
    Vectors,
}

/// Draws a chart below a heading; the bytes of the file.
pub fn chart_picture(heading: &str, chart: &Chart, ink: Ink) -> Result<Vec<u8>, PlotError> {
    let others = chart.marks.iter().filter(|mark| !mark.scales);
    let marks: Vec<(i64, String)> = others.map(|mark| (mark.at.seconds(), mark.label.clone())).collect();
    draw_picture(heading, &chart.panels, &chart.axis, &marks, ink)
}

/// Draws panels below a heading; the bytes of a PNG or an SVG file.
fn draw_picture(
    heading: &str,
    panels: &[Panel],
    axis: &Axis,
    marks: &[(i64, String)],
    ink: Ink,
) -> Result<Vec<u8>, PlotError> {
    let size = (WIDTH, TITLE_HEIGHT + PANEL_HEIGHT * panels.len() as u32);
    let drawn = (panels, axis, marks);
    let failed = |error: Box<dyn std::error::Error>| PlotError(error.to_string());
    match ink {
        Ink::Pixels => {
            let mut pixels = vec![0; (size.0 * size.1 * 3) as usize];
            let root = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
            draw(&root, heading, drawn, ink).map_err(failed)?;
            drop(root);
            encode(&pixels, size)
        }
        Ink::Vectors => {
            let mut text = String::new();
            let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
            draw(&root, heading, drawn, ink).map_err(failed)?;
            drop(root);
            Ok(text.into_bytes())
        }
    }
}

/// plotters writes PNG files only by name; a buffer goes through its image library.
fn encode(pixels: &[u8], (width, height): (u32, u32)) -> Result<Vec<u8>, PlotError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Default);
    let mut writer = encoder.write_header().map_err(|error| PlotError(error.to_string()))?;
    writer.write_image_data(pixels).map_err(|error| PlotError(error.to_string()))?;
    writer.finish().map_err(|error| PlotError(error.to_string()))?;
    Ok(bytes)
}

impl Panel {
    /// The same, lines that are cut off named so.
    #[must_use]
    fn naming_what_is_cut(mut self) -> Self {
        let (_, top) = self.vertical_range();
        for line in &mut self.lines {
            let highest = line.points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
            if highest > top {
                line.label += &format!(" (cut off, up to {})", super::amounts::short(highest));
            }
        }
        self
    }

    /// From zero, or a little below the lowest value, to a little above the highest. What may be cut off counts as far as it does not flatten
    /// the rest: up to half as much again.
    pub fn vertical_range(&self) -> (f64, f64) {
        let of = |may_be_cut: bool| {
            let lines = self.lines.iter().filter(move |line| line.may_be_cut == may_be_cut);
            lines.flat_map(|line| &line.points).map(|&(_, value)| value)
        };
        let band = self.band.iter().flat_map(|(_, from, to)| [*from, *to]).map(|value| value.clamp(-MOST, MOST));
        let areas = self.areas.iter().flat_map(|area| &area.points).flat_map(|&(_, from, to)| [from, to]);
        let ends = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
        let (lowest, near) = of(false).chain(band).chain(areas).fold((0.0, 0.0), ends);
        let far = of(true).fold(0.0, f64::max);
        let highest = if near > 0.0 { near.max(far.min(1.5 * near)) } else { far };
        (lowest * 1.08, if highest > 0.0 { highest * 1.08 } else { 1.0 })
    }
}

/// Some ten ticks at round times.
fn tick_step(seconds: i64) -> i64 {
    const STEPS: [i64; 17] =
        [5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800];
    let wanted = seconds / 14;
    STEPS.into_iter().find(|&step| step >= wanted).unwrap_or_else(|| (wanted / 604_800 + 1) * 604_800)
}

/// Each value holds until the next point.
fn steps(points: &[(i64, f64)], end: i64) -> Vec<(i64, f64)> {
    let mut all = Vec::with_capacity(points.len() * 2);
    for (index, &(at, value)) in points.iter().enumerate() {
        let until = points.get(index + 1).map_or(end, |&(next, _)| next);
        all.push((at, value));
        all.push((until, value));
    }
    all
}

/// The first, lowest, highest and last point of every pixel column.
fn decimate(points: &[(i64, f64)], end: i64, columns: i64) -> Vec<(i64, f64)> {
    let column = |at: i64| at * columns / end;
    let mut kept: Vec<(i64, f64)> = Vec::new();
    for group in points.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let by_value = |a: &&(i64, f64), b: &&(i64, f64)| a.1.total_cmp(&b.1);
        let extremes = [group.first(), group.iter().min_by(by_value), group.iter().max_by(by_value), group.last()];
        for &point in extremes.into_iter().flatten() {
            if kept.last() != Some(&point) {
                kept.push(point);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimation_keeps_extremes_and_ends() {
        let points: Vec<(i64, f64)> = (0..10_000).map(|i| (i, if i == 5_003 { 9.0 } else { (i % 7) as f64 })).collect();
        let kept = decimate(&points, 10_000, 100);
        assert!(kept.len() <= 400, "{}", kept.len());
        assert!(kept.contains(&(5_003, 9.0)));
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
    }

    #[test]
    fn ticks_are_round_and_few() {
        for seconds in [60, 3_600, 86_400, 30 * 86_400, 365 * 86_400] {
            let ticks = seconds / tick_step(seconds);
            assert!((4..=16).contains(&ticks), "{ticks} ticks for {seconds} s");
        }
    }
}
