//! The report: one file of HTML that needs no network, with the table and the plots.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use crate::run::findings::{Axis, Compared, Findings, Grid, Plot, Row, readable};

/// Width and height of a plot in pixels.
const SIZE: (u32, u32) = (1040, 480);
/// The texts next to the lines: their names to the right, the labels of the axes.
const NAMES: u32 = 290;
const LABELS: (u32, u32) = (88, 48);
const MARGIN: u32 = 16;

/// Colours that most people can tell apart (Okabe and Ito), and three more.
const COLORS: [RGBColor; 10] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
    RGBColor(110, 70, 190),
    RGBColor(130, 130, 130),
    RGBColor(140, 100, 20),
];

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;\
    padding:0 1rem;color:#222}table{border-collapse:collapse;width:100%;font-size:14px}\
    td,th{padding:.2rem .5rem;border-bottom:1px solid #ddd;text-align:left}\
    .n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}svg{width:100%;height:auto}";

/// Writes the report.
pub(crate) fn write(findings: &Findings, path: &Path) -> io::Result<()> {
    let mut html = format!(
        "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>p2p-ci: measurements</title>\
         <style>{STYLE}</style><h1>p2p-ci: measurements</h1><p>{}</p>\
         <p>A figure is the median of several rounds, a ratio the median of the ratios of each \
         round: ours by the other\u{2019}s. What is a time is better when it is less.</p>",
        escaped(&machine())
    );
    table(findings, &mut html);
    findings.grids().iter().for_each(|grid| grid_table(grid, &mut html));
    for plot in findings.plots.iter().filter(|plot| !plot.lines.is_empty()) {
        let svg = svg(plot).map_err(|error| io::Error::other(error.to_string()))?;
        let _ = write!(html, "<h2>{}</h2>{svg}", escaped(&plot.title));
    }
    for what in &findings.skipped {
        let _ = write!(html, "<p>Left out: {}</p>", escaped(what));
    }
    fs::write(path, html)
}

fn table(findings: &Findings, html: &mut String) {
    let mut last = "";
    for Row { section, work, figure, unit, compared, .. } in findings.single() {
        if *section != last {
            let end = if last.is_empty() { "" } else { "</table>" };
            let _ = write!(
                html,
                "{end}<h2>{}</h2><table><tr><th>work<th class=n>median<th>unit<th>against\
                 <th class=n>its median<th class=n>ratio",
                escaped(section)
            );
            last = section;
        }
        let _ = write!(
            html,
            "<tr><td>{}<td class=n>{}<td>{}",
            escaped(work),
            readable(*figure),
            escaped(unit)
        );
        if let Some(Compared { with, figure, ratio }) = compared {
            let figure = readable(*figure);
            let _ = write!(html, "<td>{}<td class=n>{figure}<td class=n>{ratio:.2}", escaped(with));
        }
    }
    html.push_str("</table>");
}

fn grid_table(Grid { section, sizes, lines }: &Grid, html: &mut String) {
    let _ = write!(html, "<h2>{}</h2><table><tr><th>work<th>unit", escaped(section));
    for size in sizes {
        let _ = write!(html, "<th class=n>{size}");
    }
    for (work, unit, cells) in lines {
        let _ = write!(html, "<tr><td>{}<td>{}", escaped(work), escaped(unit));
        for cell in cells {
            let _ = write!(html, "<td class=n>{}", escaped(cell));
        }
    }
    html.push_str("</table>");
}

/// The processor and the system that was measured on.
fn machine() -> String {
    let field = |path: &str, name: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
        line.map_or(String::new(), |(_, value)| value.trim().to_string())
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    format!(
        "{processors} processors, {}; {} of memory; Linux {}.",
        field("/proc/cpuinfo", "model name"),
        field("/proc/meminfo", "MemTotal"),
        kernel.trim()
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn svg(plot: &Plot) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let (x, y) = (range(plot, plot.x, |point| point.0), range(plot, plot.y, |point| point.1));
        match (plot.x.logarithmic, plot.y.logarithmic) {
            (true, true) => draw(&area, x.log_scale(), y.log_scale(), plot)?,
            (true, false) => draw(&area, x.log_scale(), y, plot)?,
            (false, true) => draw(&area, x, y.log_scale(), plot)?,
            (false, false) => draw(&area, x, y, plot)?,
        }
        area.present()?;
    }
    Ok(text)
}

/// Whole numbers as such: most axes count.
fn label(value: f64) -> String {
    if value.fract() == 0.0 && value < 1000.0 { value.to_string() } else { readable(value) }
}

/// From the least to the most of all lines, with a little room.
fn range(plot: &Plot, axis: Axis, value: fn(&(f64, f64)) -> f64) -> std::ops::Range<f64> {
    let values = || plot.lines.iter().flat_map(|(_, points)| points).map(value);
    let most = values().fold(f64::MIN_POSITIVE, f64::max);
    let least = values().fold(most, f64::min);
    if axis.logarithmic { least / 1.3..most * 1.3 } else { 0.0..most * 1.1 }
}

fn draw<B: DrawingBackend, X, Y>(
    area: &DrawingArea<B, Shift>,
    x: X,
    y: Y,
    plot: &Plot,
) -> Result<(), Box<dyn Error>>
where
    B::ErrorType: 'static,
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .margin_right(NAMES)
        .x_label_area_size(LABELS.1)
        .y_label_area_size(LABELS.0)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .x_desc(plot.x.label)
        .y_desc(plot.y.label)
        .x_label_formatter(&|value| label(*value))
        .y_label_formatter(&|value| label(*value))
        .label_style(("sans-serif", 14))
        .draw()?;
    for (number, (name, points)) in plot.lines.iter().enumerate() {
        let color = COLORS[number % COLORS.len()];
        let line = color.stroke_width(2);
        chart.draw_series(LineSeries::new(points.iter().copied(), line))?;
        let dots = points.iter().map(|point| Circle::new(*point, 3, color.filled()));
        chart.draw_series(dots)?;

        // Next to the plot, where no line passes.
        let (left, top) = ((SIZE.0 - NAMES) as i32 + 12, MARGIN as i32 + 20 * number as i32);
        area.draw(&PathElement::new(vec![(left, top + 7), (left + 18, top + 7)], line))?;
        area.draw(&Text::new(name.as_str(), (left + 26, top), ("sans-serif", 14)))?;
    }
    Ok(())
}
