//! Pictures: diagrams below each other over one horizontal axis. Fonts come with the binary.
//!
//! A file for each picture says what is drawn; this one draws it.

mod capacity;
mod curve;
mod run;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::units::{Clock, Span};

pub use capacity::{capacity_panels, capacity_picture};
pub use curve::thinned;
pub use run::{Curves, chart, picture};

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
    pub(super) fn end(&self) -> i64 {
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
    /// Seconds since the start, and the value; it holds until the next point.
    pub points: Vec<(i64, f64)>,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineStyle {
    /// As usual.
    Solid,
    /// Wider, so that it shows behind a line with the same values.
    Wide,
    /// A bound or a target: thin and dashed.
    Reference,
    /// A bound far above what matters: it may be cut off, so that it does not flatten the other lines.
    Distant,
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
    decimate(&steps(&line.points, end), end, columns)
}

/// How much an area covers what is behind it.
const AREA_OPACITY: f64 = 0.35;
/// The largest value that is drawn.
const MOST: f64 = 1e12;
const WIDTH: u32 = 1400;
const PANEL_HEIGHT: u32 = 270;
const TITLE_HEIGHT: u32 = 56;
const LEGEND_HEIGHT: i32 = 46;
const LEFT_MARGIN: u32 = 76;
const RIGHT_MARGIN: u32 = 24;
const BOTTOM_MARGIN: u32 = 34;

fn line(label: impl Into<String>, color: usize, style: LineStyle, points: Vec<(i64, f64)>) -> Line {
    // Beyond this the axis cannot be labelled.
    let points = points.into_iter().map(|(at, value)| (at, value.clamp(-MOST, MOST))).collect();
    Line { label: label.into(), color, style, points }
}

/// What a picture is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// PNG.
    Pixels,
    /// SVG: text stays text, in the reader's own font without serifs.
    Vectors,
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

type DrawResult = Result<(), Box<dyn std::error::Error>>;

fn register_fonts() -> DrawResult {
    for (style, font) in [(FontStyle::Normal, ttf_noto_sans::REGULAR), (FontStyle::Bold, ttf_noto_sans::BOLD)] {
        plotters::style::register_font("sans-serif", style, font).map_err(|_| "the built-in font cannot be read")?;
    }
    Ok(())
}

/// Diagrams, what is below them, and what happens, each with its name.
type Drawn<'a> = (&'a [Panel], &'a Axis, &'a [(i64, String)]);

fn draw<B: DrawingBackend>(root: &Canvas<B>, heading: &str, (panels, axis, marks): Drawn<'_>, ink: Ink) -> DrawResult
where
    B::ErrorType: 'static,
{
    register_fonts()?;
    root.fill(&WHITE)?;
    let (title, rest) = root.split_vertically(TITLE_HEIGHT);
    title.draw_text(heading, &text_style(26.0, FontStyle::Bold, HPos::Left), (LEFT_MARGIN as i32, 14))?;
    let areas = rest.split_evenly((panels.len(), 1));
    for (index, (panel, area)) in panels.iter().zip(&areas).enumerate() {
        draw_panel(panel, area, (axis, marks, index == 0), ink)?;
    }
    root.present()?;
    Ok(())
}

fn text_style(size: f64, style: FontStyle, align: HPos) -> TextStyle<'static> {
    let font = FontDesc::new(FontFamily::SansSerif, size, style);
    TextStyle::from(font).color(&RGBColor(40, 40, 40)).pos(Pos::new(align, VPos::Top))
}

type Canvas<B> = DrawingArea<B, Shift>;

/// What is below a diagram, what happens, and whether it is the first.
type Below<'a> = (&'a Axis, &'a [(i64, String)], bool);

fn draw_panel<B: DrawingBackend>(
    panel: &Panel,
    area: &Canvas<B>,
    (axis, marks, is_first): Below<'_>,
    ink: Ink,
) -> DrawResult
where
    B::ErrorType: 'static,
{
    let (legend, plot) = area.split_vertically(LEGEND_HEIGHT);
    draw_legend(panel, &legend)?;
    let end = axis.end();
    let (bottom, top) = panel.vertical_range();
    // Room for the names of what happens.
    let top = if is_first && !marks.is_empty() { top * 1.12 } else { top };
    let ticks = axis.ticks();
    let labels = ticks.len();
    let mut chart = ChartBuilder::on(&plot)
        .set_label_area_size(LabelAreaPosition::Left, LEFT_MARGIN)
        .set_label_area_size(LabelAreaPosition::Bottom, BOTTOM_MARGIN)
        .margin_right(RIGHT_MARGIN)
        .build_cartesian_2d((0..end).with_key_points(ticks), bottom..top)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .axis_style(RGBColor(150, 150, 150))
        .x_labels(labels)
        .x_label_formatter(&|at| axis.label(*at))
        .y_labels(5)
        .y_label_formatter(&|value| super::amounts::short(*value))
        .label_style(text_style(17.0, FontStyle::Normal, HPos::Center))
        .draw()?;
    if let Some((_, from, to)) = &panel.band {
        let shade = RGBColor(213, 94, 0).mix(0.13).filled();
        chart.draw_series([Rectangle::new([(0, *from), (end, to.min(top))], shade)])?;
    }
    let columns = WIDTH - LEFT_MARGIN - RIGHT_MARGIN;
    for shaded in &panel.areas {
        let fill = PALETTE[shaded.color].mix(AREA_OPACITY).filled();
        chart.draw_series(shaded.rectangles(end).map(|corners| Rectangle::new(corners, fill)))?;
    }
    // Bounds come last: where another line lies on one, both are seen.
    let (bounds, others): (Vec<_>, Vec<_>) = panel.lines.iter().partition(|line| line.style == LineStyle::Reference);
    for line in others.into_iter().chain(bounds) {
        let color = PALETTE[line.color];
        let width = match line.style {
            LineStyle::Reference => {
                chart.draw_series(DashedLineSeries::new(line.points.clone(), 8, 6, color.stroke_width(1)))?;
                continue;
            }
            LineStyle::Wide => 5,
            LineStyle::Solid | LineStyle::Distant => 2,
        };
        let pieces = pieces(&drawn_points(line, end, columns.into()), top, ink).into_iter();
        chart.draw_series(pieces.map(|piece| PathElement::new(piece, color.stroke_width(width))))?;
    }
    let (mut free, mut last) = (0, None);
    for (at, name) in marks {
        let left = LEFT_MARGIN as i64 + at * i64::from(columns) / end;
        if last.is_some_and(|last| left - last < 3) {
            continue;
        }
        last = Some(left);
        let upright = DashedLineSeries::new([(*at, bottom), (*at, top)], 3, 4, RGBColor(90, 90, 90).stroke_width(1));
        chart.draw_series(upright)?;
        let style = text_style(15.0, FontStyle::Normal, HPos::Left);
        let right = left + 4 + i64::from(plot.estimate_text_size(name, &style)?.0);
        // Names that would cover each other are left to the tables.
        if is_first && left > free && right < i64::from(WIDTH - RIGHT_MARGIN) {
            chart.draw_series([Text::new(format!(" {name}"), (*at, bottom + (top - bottom) * 0.98), style)])?;
            free = right;
        }
    }
    Ok(())
}

/// What of a line is drawn at once. Where there is no value there is a gap.
fn pieces(points: &[(i64, f64)], top: f64, ink: Ink) -> Vec<Vec<(i64, f64)>> {
    let is_shown = |value: f64| !value.is_nan() && value <= top;
    let mut pieces: Vec<Vec<(i64, f64)>> = match ink {
        // In pixels each part by itself stays upright.
        Ink::Pixels => {
            let drawn = points.windows(2).filter(|pair| pair.iter().all(|(_, value)| is_shown(*value)));
            drawn.map(<[_]>::to_vec).collect()
        }
        Ink::Vectors => points.split(|(_, value)| !is_shown(*value)).map(<[_]>::to_vec).collect(),
    };
    pieces.retain(|piece| piece.len() > 1);
    pieces
}

impl Area {
    /// Its parts, by two corners each.
    fn rectangles(&self, end: i64) -> impl Iterator<Item = [(i64, f64); 2]> + '_ {
        self.points.iter().enumerate().filter_map(move |(index, &(at, from, to))| {
            let until = self.points.get(index + 1).map_or(end, |&(next, ..)| next);
            (to > from && until > at).then_some([(at, from), (until, to)])
        })
    }
}

/// The names of the lines, above the diagram, where they cover nothing.
fn draw_legend<B: DrawingBackend>(panel: &Panel, area: &Canvas<B>) -> DrawResult
where
    B::ErrorType: 'static,
{
    let title = text_style(20.0, FontStyle::Bold, HPos::Left);
    let label = text_style(17.0, FontStyle::Normal, HPos::Left);
    area.draw_text(&panel.title, &title, (LEFT_MARGIN as i32, 12))?;
    let width_of = |text: &str| area.estimate_text_size(text, &label).map(|(width, _)| width as i32);
    let mut right = (WIDTH - RIGHT_MARGIN) as i32;
    if let Some((name, ..)) = &panel.band {
        right -= width_of(name)?;
        area.draw_text(name, &label, (right, 14))?;
        let shade = RGBColor(213, 94, 0).mix(0.25).filled();
        area.draw(&Rectangle::new([(right - 34, 15), (right - 8, 29)], shade))?;
        right -= 58;
    }
    for shaded in &panel.areas {
        right -= width_of(&shaded.label)?;
        area.draw_text(&shaded.label, &label, (right, 14))?;
        let fill = PALETTE[shaded.color].mix(AREA_OPACITY).filled();
        area.draw(&Rectangle::new([(right - 34, 15), (right - 8, 29)], fill))?;
        right -= 58;
    }
    for line in panel.lines.iter().rev() {
        right -= width_of(&line.label)?;
        area.draw_text(&line.label, &label, (right, 14))?;
        let color = PALETTE[line.color];
        if line.style == LineStyle::Reference {
            for dash in 0..2 {
                let from = right - 34 + dash * 15;
                area.draw(&PathElement::new(vec![(from, 22), (from + 10, 22)], color.stroke_width(1)))?;
            }
        } else {
            area.draw(&PathElement::new(vec![(right - 34, 22), (right - 8, 22)], color.stroke_width(3)))?;
        }
        right -= 58;
    }
    Ok(())
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

    /// From zero, or a little below the lowest value, to a little above the highest. Distant bounds count as far as they do not flatten
    /// the rest: up to half as much again.
    pub fn vertical_range(&self) -> (f64, f64) {
        let of = |is_distant: bool| {
            let lines = self.lines.iter().filter(move |line| (line.style == LineStyle::Distant) == is_distant);
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
