//! Drawing diagrams below each other, in pixels or vectors.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::stroke::{Pixel, bars, dashed, pieces};
use super::{Area, Axis, Ink, LineStyle, PALETTE, Panel, drawn_points};
use crate::report::amounts;

/// What fits on a page and beside a text. The sizes of texts are even: plotters rounds glyphs of others up and down.
pub(super) const WIDTH: u32 = 1200;
pub(super) const PANEL_HEIGHT: u32 = 250;
pub(super) const TITLE_HEIGHT: u32 = 52;
const LEGEND_HEIGHT: i32 = 44;
/// A further line of the legend.
const LEGEND_ROW: i32 = 22;
/// What is kept free before a name in the legend for its sign, and between two.
const SIGN: i32 = 34;
const APART: i32 = 22;
const LEFT_MARGIN: u32 = 72;
const RIGHT_MARGIN: u32 = 24;
const BOTTOM_MARGIN: u32 = 34;
/// How much an area covers what is behind it.
const AREA_OPACITY: f64 = 0.35;
const TOLERANCE: RGBColor = RGBColor(213, 94, 0);

pub(super) type DrawResult = Result<(), Box<dyn std::error::Error>>;
type Canvas<B> = DrawingArea<B, Shift>;

/// Diagrams, what is below them, and what happens, each with its name.
pub(super) type Drawn<'a> = (&'a [Panel], &'a Axis, &'a [(i64, String)]);

fn register_fonts() -> DrawResult {
    for (style, font) in [(FontStyle::Normal, ttf_noto_sans::REGULAR), (FontStyle::Bold, ttf_noto_sans::BOLD)] {
        plotters::style::register_font("sans-serif", style, font).map_err(|_| "the built-in font cannot be read")?;
    }
    Ok(())
}

pub(super) fn draw<B: DrawingBackend>(
    root: &Canvas<B>,
    heading: &str,
    (panels, axis, marks): Drawn<'_>,
    ink: Ink,
) -> DrawResult
where
    B::ErrorType: 'static,
{
    register_fonts()?;
    root.fill(&WHITE)?;
    let (title, rest) = root.split_vertically(TITLE_HEIGHT);
    let room = (WIDTH - LEFT_MARGIN - RIGHT_MARGIN) as i32;
    // A long heading is smaller before it is cut.
    let styles = [26.0, 22.0, 18.0].map(|size| text_style(size, FontStyle::Bold, HPos::Left));
    let fitting =
        |style: &&TextStyle<'_>| title.estimate_text_size(heading, style).is_ok_and(|(w, _)| w as i32 <= room);
    let style = styles.iter().find(fitting).unwrap_or(&styles[2]);
    title.draw_text(&cut(&title, heading, style, room)?, style, (LEFT_MARGIN as i32, 12))?;
    let areas = rest.split_evenly((panels.len(), 1));
    for (index, (panel, area)) in panels.iter().zip(&areas).enumerate() {
        draw_panel(panel, (root, area), (axis, marks, index == 0), ink)?;
    }
    root.present()?;
    Ok(())
}

fn text_style(size: f64, style: FontStyle, align: HPos) -> TextStyle<'static> {
    let font = FontDesc::new(FontFamily::SansSerif, size, style);
    TextStyle::from(font).color(&RGBColor(40, 40, 40)).pos(Pos::new(align, VPos::Top))
}

/// As much of a text as there is room for.
fn cut<B: DrawingBackend>(
    area: &Canvas<B>,
    text: &str,
    style: &TextStyle<'_>,
    room: i32,
) -> Result<String, Box<dyn std::error::Error>>
where
    B::ErrorType: 'static,
{
    let mut kept: Vec<char> = text.chars().collect();
    let mut shown = text.to_owned();
    while area.estimate_text_size(&shown, style)?.0 as i32 > room && kept.pop().is_some() {
        shown = kept.iter().copied().chain(['\u{2026}']).collect();
    }
    Ok(shown)
}

/// What is below a diagram, what happens, and whether it is the first.
type Below<'a> = (&'a Axis, &'a [(i64, String)], bool);

fn draw_panel<B: DrawingBackend>(
    panel: &Panel,
    (root, area): (&Canvas<B>, &Canvas<B>),
    (axis, marks, is_first): Below<'_>,
    ink: Ink,
) -> DrawResult
where
    B::ErrorType: 'static,
{
    let rows = legend(panel, area)?;
    let further = rows.iter().map(|sign| sign.row).max().unwrap_or(0);
    let (names, plot) = area.split_vertically(LEGEND_HEIGHT + further * LEGEND_ROW);
    draw_legend(panel, &names, &rows)?;
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
        .y_label_formatter(&|value| amounts::short(*value))
        .label_style(text_style(16.0, FontStyle::Normal, HPos::Center))
        .draw()?;
    if let Some((_, from, to)) = &panel.band {
        let shade = TOLERANCE.mix(0.13).filled();
        chart.draw_series([Rectangle::new([(0, *from), (end, to.min(top))], shade)])?;
    }
    let columns = i64::from(WIDTH - LEFT_MARGIN - RIGHT_MARGIN);
    let place = |at: i64, value: f64| chart.backend_coord(&(at, value));
    let pen = Pen { root, ink, end, top, place: &place };
    pen.areas(&panel.areas, columns)?;
    // Bounds come last: where another line lies on one, both are seen.
    let (bounds, others): (Vec<_>, Vec<_>) = panel.lines.iter().partition(|line| line.style == LineStyle::Reference);
    for line in others.into_iter().chain(bounds) {
        pen.line(&drawn_points(line, end, columns), PALETTE[line.color], line.style)?;
    }
    pen.marks(marks, bottom, is_first)
}

/// What draws in a diagram: where a value is, and what is beyond.
struct Pen<'a, 'b, B: DrawingBackend> {
    root: &'a Canvas<B>,
    ink: Ink,
    end: i64,
    top: f64,
    place: &'b dyn Fn(i64, f64) -> Pixel,
}

impl<B: DrawingBackend> Pen<'_, '_, B>
where
    B::ErrorType: 'static,
{
    fn line(&self, points: &[(i64, f64)], color: RGBColor, style: LineStyle) -> DrawResult {
        for piece in pieces(points, self.top, self.place) {
            for dash in dashed(&piece, style.dashes()) {
                match self.ink {
                    Ink::Pixels => bars(&dash, style.width())
                        .try_for_each(|corners| self.root.draw(&Rectangle::new(corners, color.filled())))?,
                    Ink::Vectors => self.root.draw(&PathElement::new(dash, color.stroke_width(style.width())))?,
                }
            }
        }
        Ok(())
    }

    /// Areas; those that lie on each other have edges and names, since colours alone do not tell them apart in grey.
    fn areas(&self, areas: &[Area], columns: i64) -> DrawResult {
        for area in areas {
            let fill = PALETTE[area.color].mix(AREA_OPACITY).filled();
            for [(left, bottom), (right, top)] in self.stretches(area) {
                // Of those side by side none covers the edge of another.
                self.root.draw(&Rectangle::new([(left, top), (right.max(left + 1), bottom)], fill))?;
            }
        }
        for area in areas.iter().filter(|_| areas.len() > 1) {
            self.line(&area.upper_edge(self.end, columns), PALETTE[area.color], LineStyle::Edge)?;
            self.name(area)?;
        }
        Ok(())
    }

    /// Its parts, each by its lower left and its upper right corner.
    fn stretches(&self, area: &Area) -> Vec<[Pixel; 2]> {
        area.rectangles(self.end).map(|corners| corners.map(|(at, value)| (self.place)(at, value))).collect()
    }

    /// The name of an area, inside it where there is room.
    fn name(&self, area: &Area) -> DrawResult {
        let style = text_style(16.0, FontStyle::Normal, HPos::Left);
        let (width, height) = self.root.estimate_text_size(&area.label, &style)?;
        let (width, height) = (width as i32 + 12, height as i32 + 8);
        let stretches = self.stretches(area);
        // As far as one text has room, from each beginning on.
        let room = |first: usize| {
            let (mut low, mut high, left) = (i32::MAX, i32::MIN, stretches[first][0].0);
            for [(from, bottom), (to, top)] in &stretches[first..] {
                (low, high) = (low.min(*bottom), high.max(*top));
                if low - high < height || *from > left + width {
                    return None;
                }
                if *to >= left + width {
                    return Some((left + 6, (low + high) / 2 - height / 2 + 3));
                }
            }
            None
        };
        let at = (0..stretches.len()).find_map(room);
        at.map_or(Ok(()), |at| self.root.draw_text(&area.label, &style, at).map_err(Into::into))
    }

    /// What happens: upright lines, named where there is room. Names that would cover each other are left to the tables.
    fn marks(&self, marks: &[(i64, String)], bottom: f64, are_named: bool) -> DrawResult {
        let style = text_style(16.0, FontStyle::Normal, HPos::Left);
        let (mut free, mut last) = (0, None);
        for (at, name) in marks {
            let (left, upper) = (self.place)(*at, self.top);
            if last.is_some_and(|last| left - last < 3) {
                continue;
            }
            last = Some(left);
            for dash in dashed(&[(left, upper), (left, (self.place)(*at, bottom).1)], LineStyle::Dotted.dashes()) {
                self.root.draw(&PathElement::new(dash, RGBColor(90, 90, 90).stroke_width(1)))?;
            }
            let right = left + 8 + self.root.estimate_text_size(name, &style)?.0 as i32;
            if are_named && left > free && right < (WIDTH - RIGHT_MARGIN) as i32 {
                self.root.draw_text(name, &style, (left + 5, upper + 2))?;
                free = right;
            }
        }
        Ok(())
    }
}

/// A name in the legend: what it is of, and where.
struct Sign {
    name: String,
    color: RGBColor,
    /// How the line is drawn; none for what is filled.
    style: Option<LineStyle>,
    left: i32,
    row: i32,
}

/// The names of what is drawn, from the right margin on in rows: beside the title where they all have room, otherwise below it.
fn legend<B: DrawingBackend>(panel: &Panel, area: &Canvas<B>) -> Result<Vec<Sign>, Box<dyn std::error::Error>>
where
    B::ErrorType: 'static,
{
    let label = text_style(16.0, FontStyle::Normal, HPos::Left);
    let title = text_style(20.0, FontStyle::Bold, HPos::Left);
    let sign = |name: &String, color: RGBColor, style: Option<LineStyle>| Sign {
        name: name.clone(),
        color,
        style,
        left: 0,
        row: 0,
    };
    let lines = panel.lines.iter().map(|line| sign(&line.label, PALETTE[line.color], Some(line.style)));
    let areas = panel.areas.iter().rev().map(|area| sign(&area.label, PALETTE[area.color], None));
    let band = panel.band.iter().map(|(label, ..)| sign(label, TOLERANCE, None));
    let mut signs: Vec<Sign> = lines.chain(areas).chain(band).collect();
    let (left, right) = (LEFT_MARGIN as i32, (WIDTH - RIGHT_MARGIN) as i32);
    let mut widths = Vec::new();
    for sign in &mut signs {
        sign.name = cut(area, &sign.name, &label, right - left - SIGN)?;
        widths.push(area.estimate_text_size(&sign.name, &label)?.0 as i32);
    }
    let beside = left + area.estimate_text_size(&panel.title, &title)?.0 as i32 + 2 * APART;
    let whole: i32 = widths.iter().map(|width| SIGN + width + APART).sum::<i32>() - APART;
    let mut row = i32::from(whole > right - beside);
    // From the last to the first, as many in a row as it has room for.
    let mut free = right;
    for (sign, width) in signs.iter_mut().zip(&widths).rev() {
        if free - width - SIGN < left && free < right {
            (row, free) = (row + 1, right);
        }
        (sign.left, sign.row) = (free - width - SIGN, row);
        free = sign.left - APART;
    }
    // The first stand above the last.
    let first = i32::from(whole > right - beside);
    signs.iter_mut().for_each(|sign| sign.row = if sign.row == 0 { 0 } else { row + first - sign.row });
    Ok(signs)
}

/// The names of the lines, above the diagram, where they cover nothing.
fn draw_legend<B: DrawingBackend>(panel: &Panel, area: &Canvas<B>, signs: &[Sign]) -> DrawResult
where
    B::ErrorType: 'static,
{
    let title = text_style(20.0, FontStyle::Bold, HPos::Left);
    let label = text_style(16.0, FontStyle::Normal, HPos::Left);
    let (left, right) = (LEFT_MARGIN as i32, (WIDTH - RIGHT_MARGIN) as i32);
    area.draw_text(&cut(area, &panel.title, &title, right - left)?, &title, (left, 10))?;
    for Sign { name, color, style, left, row } in signs {
        let top = 12 + row * LEGEND_ROW;
        area.draw_text(name, &label, (left + SIGN, top))?;
        match style {
            None => {
                let fill = color.mix(AREA_OPACITY).filled();
                area.draw(&Rectangle::new([(*left, top - 2), (left + 26, top + 12)], fill))?;
            }
            Some(style) => {
                let middle = top + 5;
                for dash in dashed(&[(*left, middle), (left + 26, middle)], style.dashes()) {
                    for corners in bars(&dash, style.width().min(3)) {
                        area.draw(&Rectangle::new(corners, color.filled()))?;
                    }
                }
            }
        }
    }
    Ok(())
}

impl Area {
    /// Its parts, by two corners each.
    fn rectangles(&self, end: i64) -> impl Iterator<Item = [(i64, f64); 2]> + '_ {
        self.points.iter().enumerate().filter_map(move |(index, &(at, from, to))| {
            let until = self.points.get(index + 1).map_or(end, |&(next, ..)| next);
            (to > from && until > at).then_some([(at, from), (until, to)])
        })
    }

    /// Its upper edge; there is none where it has no height.
    fn upper_edge(&self, end: i64, columns: i64) -> Vec<(i64, f64)> {
        let height = |&(at, from, to): &(i64, f64, f64)| (at, if to > from { to } else { f64::NAN });
        super::drawn(&self.points.iter().map(height).collect::<Vec<_>>(), end, columns)
    }
}
