//! The results: a row for each task, and plots.

use std::io::{self, Write};
use std::path::Path;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::common::output::print_error;
use crate::run::samples::median;

/// All rows and plots of a run.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) rows: Vec<Row>,
    pub(crate) plots: Vec<Plot>,
    /// The measurements that were left out, and why.
    pub(crate) skipped: Vec<String>,
}

/// One figure, and the one that it is compared with.
pub(crate) struct Row {
    pub(crate) section: &'static str,
    pub(crate) work: String,
    /// The size in which the work was done, if it was done in several sizes.
    pub(crate) size: Option<usize>,
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

/// The figures of one section that were found in several sizes: a line for each work.
pub(crate) struct Grid {
    pub(crate) section: &'static str,
    pub(crate) sizes: Vec<usize>,
    /// The work, its unit, and for each size its figure and with what it compares.
    pub(crate) lines: Vec<(String, &'static str, Vec<String>)>,
}

/// Lines over a common axis.
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// An axis of a diagram. One that is not logarithmic begins at 0.
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
        let (work, figure) = (work.into(), median(figures));
        self.push(Row { section, work, size: None, figure, unit, compared: None });
    }

    /// Figures of the same rounds, ours and those of an anchor's best configuration, if it ran.
    pub(crate) fn compared_with_best(
        &mut self,
        section: &'static str,
        work: impl Into<String>,
        figures: &[f64],
        unit: &'static str,
        best: Option<(&'static str, Vec<f64>)>,
    ) {
        match best {
            Some((with, theirs)) => self.compared(section, work, figures, unit, with, &theirs),
            None => self.figure(section, work, figures, unit),
        }
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
        self.push(Row { section, work, size: None, figure, unit, compared: Some(compared) });
    }

    /// Says what is left out, and why.
    pub(crate) fn skip(&mut self, what: impl Into<String>) {
        let what = what.into();
        // Several suites may miss the same.
        if !self.skipped.contains(&what) {
            print_error(format_args!("left out: {what}"));
            self.skipped.push(what);
        }
    }

    /// Adds a row and prints it immediately: a run may take minutes.
    pub(crate) fn push(&mut self, row: Row) {
        let Row { section, work, size, figure, unit, compared } = &row;
        let size = size.map_or(String::new(), |size| format!(" ({size})"));
        let compared = compared
            .as_ref()
            .map_or(String::new(), |Compared { with, ratio, .. }| format!(", {ratio:.2} x {with}"));
        print_error(format_args!(
            "{section}{size}: {work}: {} {unit}{compared}",
            readable(*figure)
        ));
        self.rows.push(row);
    }

    /// The results without different sizes.
    pub(crate) fn single(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.size.is_none())
    }

    /// The results in several sizes, a grid for each section.
    pub(crate) fn grids(&self) -> Vec<Grid> {
        let mut grids: Vec<Grid> = Vec::new();
        for Row { section, work, size, figure, unit, compared } in &self.rows {
            let Some(size) = size else { continue };
            let at = grids.iter().position(|grid| grid.section == *section).unwrap_or_else(|| {
                grids.push(Grid { section, sizes: Vec::new(), lines: Vec::new() });
                grids.len() - 1
            });
            let Grid { sizes, lines, .. } = &mut grids[at];
            let column = sizes.iter().position(|other| other == size).unwrap_or_else(|| {
                sizes.push(*size);
                sizes.len() - 1
            });
            let (mut work, mut cell) = (work.clone(), readable(*figure));
            if let Some(Compared { with, ratio, .. }) = compared {
                work = format!("{work}, and by {with}");
                cell = format!("{cell} ({ratio:.2})");
            }
            let is_same = |line: &(String, &str, _)| line.0 == work && line.1 == *unit;
            let line = lines.iter().position(is_same).unwrap_or_else(|| {
                lines.push((work, unit, Vec::new()));
                lines.len() - 1
            });
            lines[line].2.resize(column, String::new());
            lines[line].2.push(cell);
        }
        grids
    }

    /// The tables for people.
    pub(crate) fn tables(&self) -> Vec<Table> {
        let mut tables = Vec::new();
        if self.single().next().is_some() {
            tables.push(self.table());
        }
        tables.extend(self.grids().into_iter().map(|Grid { section, sizes, lines }| {
            let mut header = vec![section.to_string(), "unit".to_string()];
            header.extend(sizes.iter().map(usize::to_string));
            let mut table = empty_table(header, &(2..2 + sizes.len()).collect::<Vec<_>>());
            for (work, unit, cells) in lines {
                table.add_row([vec![work, unit.to_string()], cells].concat());
            }
            table
        }));
        tables
    }

    fn table(&self) -> Table {
        let header = ["", "work", "median", "unit", "against", "its median", "ratio"];
        let mut table = empty_table(header.map(String::from).into(), &[2, 5, 6]);
        let mut last = "";
        for Row { section, work, figure, unit, compared, .. } in self.single() {
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
        let mut text = String::from("section,size,work,median,unit,against,its median,ratio\n");
        for Row { section, work, size, figure, unit, compared } in &self.rows {
            let (with, anchor, ratio) = match compared {
                Some(Compared { with, figure, ratio }) => {
                    (with.as_str(), figure.to_string(), ratio.to_string())
                }
                None => ("", String::new(), String::new()),
            };
            let (size, figure) =
                (size.map_or(String::new(), |s| s.to_string()), figure.to_string());
            let fields: [&str; 8] = [section, &size, work, &figure, unit, with, &anchor, &ratio];
            text.push_str(&fields.map(quoted).join(","));
            text.push('\n');
        }
        std::fs::File::create(path)?.write_all(text.as_bytes())
    }
}

/// A table whose columns of figures are aligned as figures are.
fn empty_table(header: Vec<String>, figures: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    for at in figures {
        if let Some(column) = table.column_mut(*at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
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
