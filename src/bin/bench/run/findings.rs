//! What was found: a row for each work, and plots.

use std::io::{self, Write};
use std::path::Path;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::run::samples::median;

/// All rows and plots of a run.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) rows: Vec<Row>,
    pub(crate) plots: Vec<Plot>,
    /// What was left out, and why.
    pub(crate) skipped: Vec<String>,
}

/// One figure, and the one that it is compared with.
pub(crate) struct Row {
    pub(crate) section: &'static str,
    pub(crate) work: String,
    pub(crate) figure: f64,
    pub(crate) unit: &'static str,
    pub(crate) compared: Option<Compared>,
}

/// The anchor's figure, and the median of the ratios of each round: ours by the anchor's.
pub(crate) struct Compared {
    pub(crate) with: String,
    pub(crate) figure: f64,
    pub(crate) ratio: f64,
}

/// Lines over a common axis.
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// What an axis shows. One that is not logarithmic begins at 0.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    pub(crate) label: &'static str,
    pub(crate) logarithmic: bool,
}

impl Findings {
    /// A figure that stands alone.
    pub(crate) fn figure(
        &mut self,
        section: &'static str,
        work: impl Into<String>,
        figures: &[f64],
        unit: &'static str,
    ) {
        self.push(Row {
            section,
            work: work.into(),
            figure: median(figures),
            unit,
            compared: None,
        });
    }

    /// Figures of the same rounds, ours and the anchor's.
    pub(crate) fn compared(
        &mut self,
        section: &'static str,
        work: impl Into<String>,
        figures: &[f64],
        unit: &'static str,
        with: impl Into<String>,
        anchors: &[f64],
    ) {
        let ratios: Vec<f64> =
            figures.iter().zip(anchors).map(|(ours, theirs)| ours / theirs).collect();
        let compared =
            Compared { with: with.into(), figure: median(anchors), ratio: median(&ratios) };
        let (work, figure) = (work.into(), median(figures));
        self.push(Row { section, work, figure, unit, compared: Some(compared) });
    }

    /// Says what is left out, and why.
    pub(crate) fn skip(&mut self, what: impl Into<String>) {
        let what = what.into();
        eprintln!("left out: {what}");
        self.skipped.push(what);
    }

    /// Tells at once: a run may take minutes.
    fn push(&mut self, row: Row) {
        let Row { section, work, figure, unit, compared } = &row;
        match compared {
            Some(Compared { with, ratio, .. }) => {
                eprintln!("{section}: {work}: {} {unit}, {ratio:.2} x {with}", readable(*figure));
            }
            None => eprintln!("{section}: {work}: {} {unit}", readable(*figure)),
        }
        self.rows.push(row);
    }

    /// The table for people.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["", "work", "median", "unit", "against", "its median", "ratio"]);
        for at in [3, 6, 7] {
            if let Some(column) = table.column_mut(at - 1) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut last = "";
        for Row { section, work, figure, unit, compared } in &self.rows {
            let heading = if *section == last { "" } else { section };
            last = section;
            let (with, anchor, ratio) = match compared {
                Some(Compared { with, figure, ratio }) => {
                    (with.as_str(), readable(*figure), format!("{ratio:.2}"))
                }
                None => ("", String::new(), String::new()),
            };
            table.add_row([heading, work, &readable(*figure), unit, with, &anchor, &ratio]);
        }
        table
    }

    /// One line for each row, with all digits.
    pub(crate) fn write_csv(&self, path: &Path) -> io::Result<()> {
        let mut text = String::from("section,work,median,unit,against,its median,ratio\n");
        for Row { section, work, figure, unit, compared } in &self.rows {
            let (with, anchor, ratio) = match compared {
                Some(Compared { with, figure, ratio }) => {
                    (with.as_str(), figure.to_string(), ratio.to_string())
                }
                None => ("", String::new(), String::new()),
            };
            let fields = [section, work.as_str(), &figure.to_string(), unit, with, &anchor, &ratio];
            text.push_str(&fields.map(quoted).join(","));
            text.push('\n');
        }
        std::fs::File::create(path)?.write_all(text.as_bytes())
    }
}

/// A field of CSV (RFC 4180 section 2).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.into()
    }
}

/// Three digits that mean something, with a space between thousands.
pub(crate) fn readable(figure: f64) -> String {
    if !figure.is_finite() {
        return "-".into();
    }
    if figure.abs() < 1000.0 {
        let decimals = match figure.abs() {
            0.0 => 0,
            below if below < 1.0 => 3,
            below if below < 10.0 => 2,
            below if below < 100.0 => 1,
            _ => 0,
        };
        return format!("{figure:.decimals$}");
    }
    let digits = format!("{figure:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}
