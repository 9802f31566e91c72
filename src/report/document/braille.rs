//! Diagrams in a terminal, in braille characters: two columns and four rows of dots each.

use textplots::{Chart as Canvas, ColorPlot, Plot, Shape};

use super::{Chart, Style};
use crate::model::escaped;
use crate::report::amounts;
use crate::report::plot::{Axis, LineStyle, Panel, color, drawn_points};

/// Lines of text of a diagram.
const HEIGHT: u32 = 8;
/// Columns for the values beside it.
const GUTTER: usize = 9;
/// Wider ones say no more.
const WIDEST: usize = 120;

/// The diagrams below each other, over the same time.
pub fn render(chart: &Chart, style: Style) -> String {
    let width = style.width.min(WIDEST).saturating_sub(GUTTER + 2).max(20);
    let mut text: Vec<String> = chart.panels.iter().map(|panel| diagram(panel, &chart.axis, width, style)).collect();
    if let Axis::Time(_, Some(clock)) = chart.axis {
        text.push(format!("{}times in {}\n", " ".repeat(GUTTER + 2), clock.zone()));
    }
    text.join("\n")
}

fn diagram(panel: &Panel, axis: &Axis, width: usize, style: Style) -> String {
    let (low, high) = panel.vertical_range();
    let end = axis.end();
    // The last dot is one more.
    let (dots, rows) = (width as u32 * 2 - 1, HEIGHT * 4 - 1);
    let mut canvas = Canvas::new_with_y_range(dots, rows, 0.0, end as f32, low as f32, high as f32);
    let shown: Vec<_> =
        panel.lines.iter().filter(|line| style.color || !line.may_be_cut || line.style == LineStyle::Solid).collect();
    let pieces: Vec<(usize, Vec<(f32, f32)>)> = shown
        .iter()
        .flat_map(|line| {
            let points = drawn_points(line, end, i64::from(dots));
            let pieces = points
                .split(|(_, value)| value.is_nan() || *value > high)
                .map(|piece| piece.iter().map(|&(at, value)| (at as f32, value as f32)).collect::<Vec<_>>());
            pieces.filter(|piece| piece.len() > 1).map(|piece| (line.color, piece)).collect::<Vec<_>>()
        })
        .collect();
    let shapes: Vec<(usize, Shape<'_>)> = pieces.iter().map(|(index, piece)| (*index, Shape::Lines(piece))).collect();
    let mut plot = &mut canvas;
    for (index, shape) in &shapes {
        let (red, green, blue) = color(*index);
        plot = if style.color { plot.linecolorplot(shape, (red, green, blue).into()) } else { plot.lineplot(shape) };
    }
    plot.figures();
    let frame = plot.frame();
    let names: Vec<String> = shown.iter().map(|line| painted(&escaped(&line.label), line.color, style)).collect();
    let mut text = format!("{}: {}\n", escaped(&panel.title), names.join(", "));
    for (row, line) in frame.lines().take(HEIGHT as usize).enumerate() {
        let value = match row {
            0 => amounts::short(high),
            row if row + 1 == HEIGHT as usize => amounts::short(low),
            _ => String::new(),
        };
        text += format!("{value:>GUTTER$} |{line}").trim_end();
        text.push('\n');
    }
    text + &ticks(axis, width)
}

/// Times below the diagram, as many as have room.
fn ticks(axis: &Axis, width: usize) -> String {
    let mut line = String::new();
    for at in axis.ticks() {
        let column = (at as i128 * width as i128 / i128::from(axis.end())) as usize;
        let label = axis.label(at);
        let used = line.chars().count();
        if (used == 0 || column >= used + 2) && column + label.chars().count() <= width {
            line += &" ".repeat(column - used);
            line += &label;
        }
    }
    format!("{}{line}\n", " ".repeat(GUTTER + 2))
}

fn painted(text: &str, index: usize, style: Style) -> String {
    let (red, green, blue) = color(index);
    if style.color { format!("\x1b[38;2;{red};{green};{blue}m{text}\x1b[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::Line;
    use crate::units::Span;

    #[test]
    fn a_step_is_where_it_belongs() {
        let line = Line {
            label: "replicas".into(),
            color: 0,
            style: LineStyle::Solid,
            may_be_cut: false,
            points: vec![(0, 2.0), (1800, 9.0), (2700, f64::NAN), (3000, 2.0)],
        };
        let panel = Panel { title: "Pods".into(), lines: vec![line], band: None, areas: Vec::new() };
        let chart = Chart { panels: vec![panel], axis: Axis::Time(Span::from_seconds(3600), None), marks: Vec::new() };
        let text = render(&chart, Style { width: 71, color: false, plot: true });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + HEIGHT as usize + 1);
        assert!(lines.iter().all(|line| line.chars().count() <= 71), "{text}");
        let dots = |row: usize| lines[1 + row].split_once('|').map_or("", |(_, dots)| dots);
        let columns = |row: usize| {
            let set = dots(row).chars().enumerate().filter(|(_, c)| *c != '\u{2800}' && *c != ' ');
            set.map(|(column, _)| column).collect::<Vec<_>>()
        };
        // High in the third quarter alone, low in the first half and at the end; a gap between.
        assert!(columns(0).iter().all(|column| (29..=46).contains(column)) && columns(0).len() > 10, "{text}");
        assert!(columns(6).iter().all(|column| *column <= 31 || *column >= 49) && columns(6).len() > 30, "{text}");
        assert!(lines[9].contains("30m"), "{text}");
    }
}
