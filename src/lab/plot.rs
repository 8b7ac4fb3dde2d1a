//! The results as a drawing in SVG: the peers, the delivered documents, and the rates of the holders over time; of
//! several index servers also the registered peers and the records.

use std::fmt::Write;
use std::time::Duration;

use super::availability::Sample;
use super::figures::Figures;
use crate::escape::escaped;

/// The beginning of each plot, by which it is recognized.
pub(crate) const PLOT_BEGINS: &str =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"p2p-ci-lab\"";

const WIDTH: f64 = 760.0;
/// The left and the right end of the axis of time.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 640.0;
/// The height of a panel, and the distance of the beginnings of two panels.
const HEIGHT: f64 = 120.0;
const DISTANCE: f64 = 176.0;
const TOP: f64 = 72.0;
/// Groups have these colors, on light and on dark backgrounds. More groups have them again, with other dashes.
const COLORS: usize = 6;

const STYLE: &str = "\
.p2p-ci-lab{--back:#ffffff;--text:#1f2328;--grid:#d0d7de;--c0:#0969da;--c1:#bc4c00;--c2:#1a7f37;--c3:#8250df;--c4:#cf222e;--c5:#57606a;\
font:12px system-ui,sans-serif}
@media (prefers-color-scheme:dark){.p2p-ci-lab{--back:#0d1117;--text:#e6edf3;--grid:#30363d;--c0:#58a6ff;--c1:#ffa657;--c2:#56d364;\
--c3:#d2a8ff;--c4:#ff7b72;--c5:#8b949e}}
rect{fill:var(--back)}text{fill:var(--text)}.grid{stroke:var(--grid);stroke-width:1}.series{fill:none;stroke-width:2}
.title{font-size:15px;font-weight:600}.panel{font-weight:600}
";

/// A line of a panel.
struct Series {
    name: String,
    /// Times and values, in the order of the times.
    points: Vec<(f64, f64)>,
    /// Whether a value holds until the next point; otherwise points are connected.
    is_stepped: bool,
}

/// Draws the results.
pub(crate) fn plot(figures: &Figures) -> String {
    let end = figures.time.as_secs_f64().max(0.001);
    let counts = |steps: &[(Duration, usize)]| {
        steps
            .iter()
            .map(|(at, count)| (at.as_secs_f64(), as_float(*count as u64)))
            .collect::<Vec<_>>()
    };
    let stepped = |name: &str, steps: &[(Duration, usize)]| {
        let mut points = vec![(0.0, 0.0)];
        points.extend(counts(steps));
        let last = points.last().map_or(0.0, |(_, value)| *value);
        points.push((end, last));
        Series { name: name.into(), points, is_stepped: true }
    };
    let interval = Figures::interval().as_secs_f64();
    let rates = figures.sent.iter().map(|(name, sent)| {
        let point = |(at, bytes): (usize, &u64)| {
            let middle = (as_float(at as u64) + 0.5) * interval;
            (middle.min(end), as_float(*bytes) / interval / 1024.0)
        };
        let mut points = vec![(0.0, 0.0)];
        points.extend(sent.iter().enumerate().map(point));
        points.push((points.last().map_or(end, |(at, _)| (at + interval).min(end)), 0.0));
        Series { name: name.clone(), points, is_stepped: false }
    });
    let mut panels = vec![
        ("Peers", vec![stepped("peers", &figures.peers)]),
        (
            "Documents delivered",
            vec![
                stepped("delivered", &figures.deliveries),
                Series {
                    name: "wanted".into(),
                    points: [0.0, end]
                        .map(|at| (at, as_float(figures.counts.wanted as u64)))
                        .into(),
                    is_stepped: false,
                },
            ],
        ),
        ("KiB per second sent by holders", rates.collect()),
    ];
    if let Some(availability) = &figures.availability {
        // Only changes have a point.
        let of_samples = |value: &dyn Fn(&Sample) -> usize| -> Vec<(Duration, usize)> {
            let samples = availability.samples.iter();
            let mut points: Vec<_> = samples.map(|sample| (sample.at, value(sample))).collect();
            points.dedup_by_key(|(_, value)| *value);
            points
        };
        let registered = of_samples(&|sample| sample.registered);
        panels
            .push(("Peers registered with connected servers", vec![stepped("peers", &registered)]));
        let records = (0..availability.servers).map(|place| {
            let of_server = |sample: &Sample| sample.records.get(place).copied().unwrap_or(0);
            stepped(&format!("server {}", place + 1), &of_samples(&of_server))
        });
        panels.push(("Records of each index server", records.collect()));
    }
    let height = TOP + DISTANCE * as_float(panels.len() as u64);
    let mut svg = format!(
        "{PLOT_BEGINS} viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<style>{STYLE}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\"/>\n\
         <text class=\"title\" x=\"{LEFT}\" y=\"28\">{}</text>\n",
        text(&figures.title)
    );
    for (number, (title, series)) in panels.iter().enumerate() {
        let top = TOP + DISTANCE * as_float(number as u64);
        draw_panel(&mut svg, title, series, top, end);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Draws one panel, whose upper end is at `top`.
fn draw_panel(svg: &mut String, title: &str, series: &[Series], top: f64, end: f64) {
    let values = series.iter().flat_map(|series| series.points.iter().map(|(_, value)| *value));
    let step = tick(values.fold(1.0, f64::max));
    let ticks = |step: f64, last: f64| {
        let count = (last / step).round().max(1.0);
        (0..=100_u8).map(f64::from).take_while(move |at| *at <= count).map(move |at| at * step)
    };
    let highest = step * (series_most(series) / step).ceil().max(1.0);
    let bottom = top + HEIGHT;
    let x = |at: f64| LEFT + (RIGHT - LEFT) * (at / end).clamp(0.0, 1.0);
    let y = |value: f64| bottom - HEIGHT * (value / highest).clamp(0.0, 1.0);
    // Writing to a text cannot fail.
    let _ = writeln!(
        svg,
        "<text class=\"panel\" x=\"{LEFT}\" y=\"{:.1}\">{}</text>",
        top - 10.0,
        text(title)
    );
    for value in ticks(step, highest) {
        let at = y(value);
        let _ = writeln!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            number(value)
        );
    }
    let step = tick(end);
    for time in ticks(step, (end / step).floor().max(1.0) * step).filter(|time| *time <= end) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{} s</text>",
            x(time),
            bottom + 18.0,
            number(time)
        );
    }
    for (number, series) in series.iter().enumerate() {
        let mut path = String::new();
        for (place, (at, value)) in series.points.iter().enumerate() {
            let _ = match (place, series.is_stepped) {
                (0, _) => write!(path, "M{:.1} {:.1}", x(*at), y(*value)),
                (_, true) => write!(path, "H{:.1}V{:.1}", x(*at), y(*value)),
                (_, false) => write!(path, "L{:.1} {:.1}", x(*at), y(*value)),
            };
        }
        let color = number % COLORS;
        let dashes = ["", " stroke-dasharray=\"6 3\"", " stroke-dasharray=\"2 3\""];
        let dashes = dashes.get(number / COLORS % dashes.len()).copied().unwrap_or_default();
        let label_y = top + 12.0 + 16.0 * as_float(number as u64);
        let _ = writeln!(
            svg,
            "<path class=\"series\" style=\"stroke:var(--c{color})\"{dashes} d=\"{path}\"/>\
             <path class=\"series\" style=\"stroke:var(--c{color})\"{dashes} d=\"M{:.1} {:.1}h18\"/>\
             <text x=\"{:.1}\" y=\"{label_y:.1}\">{}</text>",
            RIGHT + 10.0,
            label_y - 4.0,
            RIGHT + 34.0,
            text(&series.name)
        );
    }
}

fn series_most(series: &[Series]) -> f64 {
    series.iter().flat_map(|series| &series.points).map(|(_, value)| *value).fold(1.0, f64::max)
}

/// The distance of the marks of an axis that ends here: 1, 2 or 5 times a power of ten.
fn tick(end: f64) -> f64 {
    let power = 10_f64.powf((end / 4.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    steps.into_iter().find(|step| end / step <= 5.0).unwrap_or(10.0 * power)
}

/// A number without needless digits.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Text of a scenario within XML, without the characters that XML does not permit.
fn text(text: &str) -> String {
    let mut xml = String::new();
    for c in escaped(text).to_string().chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => xml.push(char::REPLACEMENT_CHARACTER),
            c => xml.push(c),
        }
    }
    xml
}

#[expect(clippy::cast_precision_loss, reason = "a place in a drawing")]
fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::availability::Availability;
    use crate::lab::history::Counts;

    /// Checks that elements are closed in their order, and that attributes are quoted.
    fn check_xml(text: &str) {
        let mut open = Vec::new();
        for part in text.split('<').skip(1) {
            let (tag, after) = part.split_once('>').unwrap();
            assert!(!after.contains('>'), "{part}");
            for (at, _) in after.match_indices('&') {
                assert!(
                    ["&amp;", "&lt;", "&gt;", "&quot;"]
                        .iter()
                        .any(|entity| after.get(at..).unwrap().starts_with(entity))
                );
            }
            assert!(tag.matches('"').count().is_multiple_of(2), "{tag}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn a_plot_is_well_formed_and_has_all_series() {
        let at = Duration::from_millis;
        let figures = Figures {
            title: "Fast & <slow> \"holders\"\u{1b}\u{0}\u{9b}\n\u{202e}\u{ffff}".into(),
            time: at(2500),
            counts: Counts { wanted: 3, ..Counts::default() },
            peers: vec![(at(0), 1), (at(100), 2), (at(2000), 1)],
            deliveries: vec![(at(700), 1), (at(1500), 2), (at(1600), 3)],
            sent: (0..8)
                .map(|group| (format!("group-{group}"), vec![group * 1000, 2000]))
                .collect(),
            ..Figures::default()
        };
        let sample = |time, registered, records: [usize; 3]| Sample {
            at: at(time),
            registered,
            records: records.into(),
        };
        let samples =
            vec![sample(50, 1, [4, 4, 4]), sample(100, 1, [4, 0, 4]), sample(150, 1, [4, 0, 4])];
        let availability = Availability { servers: 3, samples, ..Availability::default() };
        let several = Figures { availability: Some(availability), ..figures.clone() };
        for figures in [figures, several, Figures::default()] {
            let svg = plot(&figures);
            check_xml(&svg);
            assert!(svg.starts_with(PLOT_BEGINS));
            let is_legal = |c: char| c == '\n' || !(c.is_control() || c == '\u{ffff}');
            assert!(svg.chars().all(is_legal), "{svg:?}");
            // Each series has a line and a mark next to its name.
            let of_servers = figures.availability.as_ref().map_or(0, |found| 1 + found.servers);
            let series = 3 + figures.sent.len() + of_servers;
            assert_eq!(svg.matches("<path class=\"series\"").count(), 2 * series);
            let panels = if of_servers > 0 { 5 } else { 3 };
            assert_eq!(svg.matches("class=\"panel\"").count(), panels);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            assert_eq!(svg, plot(&figures));
        }
    }

    #[test]
    fn axes_have_few_round_marks() {
        for (end, step) in
            [(1.0, 0.2), (16.0, 5.0), (25.0, 5.0), (24.0, 5.0), (1024.0, 500.0), (0.3, 0.1)]
        {
            assert!((tick(end) - step).abs() < 1e-9, "{end}: {}", tick(end));
        }
    }
}
