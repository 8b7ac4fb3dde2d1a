//! Tables for people. On a terminal they fit its width: titles are shortened, names and endpoints never.
//!
//! If titles at their least width do not suffice, a long name is on a line of its own, before the rest of
//! its row. If the other columns alone are wider than the terminal, each row is a list of its values.

use console::{Style, measure_text_width};

use super::terminal;

/// Blanks between two columns.
const GAP: usize = 2;
/// The least width of a column that is shortened, and of a column of names.
const LEAST: usize = 6;

/// How a column fits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Fit {
    /// Cells are complete.
    Whole,
    /// Cells are complete, and are numbers of rows.
    Row,
    /// Cells are complete, and are numbers: aligned at the right.
    Number,
    /// Cells are complete. The rest of the row of a long cell is on the next line.
    Name,
    /// Cells are shortened.
    Shortened,
}

/// A header, and how its column fits.
pub(in crate::cli) type Column = (&'static str, Fit);

/// A table without borders, as `ps` prints it.
pub(in crate::cli) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(in crate::cli) fn new<const N: usize>(columns: [Column; N]) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// A table whose columns are never shortened.
    pub(in crate::cli) fn of_whole<const N: usize>(header: [&'static str; N]) -> Self {
        Self::new(header.map(|header| (header, Fit::Whole)))
    }

    /// The same table, with the numbers of its rows as the first column if they have numbers.
    pub(in crate::cli) fn numbered<const N: usize>(
        has_numbers: bool,
        columns: [Column; N],
    ) -> Self {
        let number = has_numbers.then_some(("", Fit::Row));
        Self { columns: number.into_iter().chain(columns).collect(), rows: Vec::new() }
    }

    /// Adds a row, which has a cell for each column. The cells are escaped.
    pub(in crate::cli) fn add_row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(in crate::cli) fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// Removes all rows.
    pub(in crate::cli) fn clear(&mut self) {
        self.rows.clear();
    }

    /// The lines of the table as they are shown on standard output.
    pub(in crate::cli) fn text(&self) -> String {
        self.fitted(terminal::width())
    }

    /// The lines with all cells complete, however wide they are.
    pub(in crate::cli) fn complete_text(&self) -> String {
        self.fitted(None)
    }

    /// The lines, in at most `width` columns of a terminal where that is possible.
    fn fitted(&self, width: Option<usize>) -> String {
        let mut widths = self.natural_widths();
        let Some(width) = width else { return self.lines(&widths) };
        // One long name does not shorten all titles.
        self.shrink(&mut widths, Fit::Name, width * 2 / 5, width);
        self.shrink(&mut widths, Fit::Shortened, LEAST, width);
        self.shrink(&mut widths, Fit::Name, LEAST, width);
        match total(&widths) <= width {
            true => self.lines(&widths),
            false => self.lists(width),
        }
    }

    fn natural_widths(&self) -> Vec<usize> {
        let of_column = |(at, (header, _)): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            cells.map(|cell| shown_width(cell)).max().unwrap_or(0).max(shown_width(header))
        };
        self.columns.iter().enumerate().map(of_column).collect()
    }

    /// Makes the widest of the columns of one kind narrower until the table fits, or all have the least width.
    fn shrink(&self, widths: &mut [usize], fit: Fit, least: usize, width: usize) {
        let mut excess = total(widths).saturating_sub(width);
        while excess > 0 {
            let of_kind =
                widths.iter_mut().zip(&self.columns).filter(|(_, column)| column.1 == fit);
            let widest = of_kind.map(|(width, _)| width).max();
            let Some(widest) = widest.filter(|widest| **widest > least) else { return };
            *widest -= 1;
            excess -= 1;
        }
    }

    fn lines(&self, widths: &[usize]) -> String {
        let mut lines = Vec::with_capacity(self.rows.len().saturating_add(1));
        let header: Vec<String> =
            self.columns.iter().map(|(header, _)| header.to_string()).collect();
        lines.push(Style::new().bold().apply_to(self.line(&header, widths, false)).to_string());
        lines.extend(self.rows.iter().map(|row| self.line(row, widths, true)));
        lines.join("\n")
    }

    /// One row. After a name that is wider than its column, the rest is on the next line.
    fn line(&self, cells: &[String], widths: &[usize], is_styled: bool) -> String {
        let (mut text, mut line) = (String::new(), String::new());
        let (mut used, mut start) = (0_usize, 0_usize);
        for ((cell, (_, fit)), width) in cells.iter().zip(&self.columns).zip(widths) {
            if used > 0 && used.saturating_add(GAP) > start {
                // The cell before was longer than its column.
                text.push_str(line.trim_end());
                text.push('\n');
                line = String::new();
                used = 0;
            }
            let cell = match fit {
                Fit::Shortened => shortened(cell, *width),
                Fit::Whole | Fit::Row | Fit::Number | Fit::Name => cell.clone(),
            };
            let cell_width = shown_width(&cell);
            let before = match fit {
                Fit::Number => width.saturating_sub(cell_width),
                _ => 0,
            };
            line.extend(std::iter::repeat_n(
                ' ',
                start.saturating_sub(used).saturating_add(before),
            ));
            line.push_str(&match (is_styled, fit) {
                (true, Fit::Name) => Style::new().cyan().apply_to(&cell).to_string(),
                (true, Fit::Row) => Style::new().dim().apply_to(&cell).to_string(),
                _ => cell,
            });
            used = start.saturating_add(before).saturating_add(cell_width);
            start = start.saturating_add(*width).saturating_add(GAP);
        }
        text.push_str(line.trim_end());
        text
    }

    /// Each row as a list of headers and values.
    fn lists(&self, width: usize) -> String {
        let headers = self.columns.iter().map(|(header, _)| shown_width(header));
        let indent = headers.max().unwrap_or(0).saturating_add(GAP);
        let list = |row: &Vec<String>| {
            let value = |((header, fit), cell): (&Column, &String)| {
                let room = width.saturating_sub(indent).max(LEAST);
                let cell = match fit {
                    Fit::Shortened => shortened(cell, room),
                    _ => cell.clone(),
                };
                // A value that does not fit after its header has a line of its own.
                let gap = match shown_width(&cell) > room {
                    _ if header.is_empty() => String::new(),
                    true => "\n".to_string(),
                    false => " ".repeat(indent.saturating_sub(shown_width(header))),
                };
                format!("{}{gap}{cell}", Style::new().bold().apply_to(header))
                    .trim_end()
                    .to_string()
            };
            let values: Vec<String> = self.columns.iter().zip(row).map(value).collect();
            values.join("\n")
        };
        self.rows.iter().map(list).collect::<Vec<_>>().join("\n\n")
    }
}

/// The width of columns with the gaps between them.
fn total(widths: &[usize]) -> usize {
    let gaps = GAP.saturating_mul(widths.len().saturating_sub(1));
    widths.iter().fold(gaps, |sum, width| sum.saturating_add(*width))
}

/// A text of at most `width` columns; `…` is at its end if it was shortened.
pub(in crate::cli) fn shortened(text: &str, width: usize) -> String {
    if shown_width(text) <= width {
        return text.into();
    }
    let (mut short, mut used) = (String::new(), 1);
    for character in text.chars() {
        used += character_width(character);
        if used > width {
            break;
        }
        short.push(character);
    }
    // No blank before the ellipsis.
    format!("{}…", short.trim_end())
}

/// The columns that a text takes on a terminal. Where terminals differ, as in sequences of emoji, this is the
/// larger number.
pub(in crate::cli) fn shown_width(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.chars().map(character_width).sum(),
    }
}

fn character_width(character: char) -> usize {
    match character {
        // Makes the character before it wide.
        '\u{fe0f}' => 1,
        _ => measure_text_width(character.encode_utf8(&mut [0; 4])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(rows: &[[&str; 3]]) -> Table {
        console::set_colors_enabled(false);
        let mut table = Table::new([
            ("document", Fit::Name),
            ("title", Fit::Shortened),
            ("holder", Fit::Whole),
        ]);
        for row in rows {
            table.add_row(row.map(String::from));
        }
        table
    }

    #[test]
    fn a_table_without_a_terminal_is_as_wide_as_its_cells() {
        let table = records(&[["RFC 7", "A Title", "h:1"], ["FILE a b", "", "[::1]:44011"]]);
        let expected = "document  title    holder\n\
                        RFC 7     A Title  h:1\n\
                        FILE a b           [::1]:44011";
        assert_eq!(table.fitted(None), expected);
        assert_eq!(table.fitted(Some(80)), expected);
    }

    #[test]
    fn titles_are_shortened_and_endpoints_are_not() {
        let title = "Transmission Control Protocol";
        let table = records(&[["RFC 793", title, "localhost:44011"]]);
        let text = table.fitted(Some(40));
        assert_eq!(
            text,
            "document  title          holder\nRFC 793   Transmission…  localhost:44011"
        );
    }

    #[test]
    fn a_long_name_is_on_a_line_of_its_own() {
        let name = "FILE Lecture recording 01.mp4";
        let table =
            records(&[["RFC 7", "A Title", "h:1"], [name, "Introduction", "localhost:44011"]]);
        let text = table.fitted(Some(40));
        assert!(text.contains(&format!("\n{name}\n")), "{text}");
        assert!(text.lines().all(|line| shown_width(line) <= 40), "{text}");
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("      ") && last.ends_with("  localhost:44011"), "{text}");
    }

    #[test]
    fn rows_are_lists_where_endpoints_leave_no_room() {
        let holder = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535";
        let table = records(&[["RFC 7", &"long title ".repeat(9), holder]]);
        let text = table.fitted(Some(40));
        let long =
            format!("document  RFC 7\ntitle     long title long title long ti…\nholder\n{holder}");
        assert_eq!(text, long);
        assert!(!table.fitted(Some(80)).contains("\nholder"));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let titles =
            ["漢字かな交じり文 ".repeat(20), "e\u{301}".repeat(300), "👩👍🏽❤\u{fe0f}".repeat(99)];
        for width in 40..=250 {
            let mut table = records(&[]);
            for title in &titles {
                table.add_row(["RFC 7".into(), title.clone(), "[2001:db8::7]:44011".into()]);
            }
            let text = table.fitted(Some(width));
            for line in text.lines() {
                assert!(shown_width(line) <= width, "{width}: {line}");
                assert!(measure_text_width(line) <= width, "{width}: {line}");
            }
            assert_eq!(text.matches("[2001:db8::7]:44011").count(), 3, "{text}");
        }
    }

    #[test]
    fn a_combining_mark_stays_with_its_letter() {
        assert_eq!(shortened("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(shortened("漢字漢字", 6), "漢字…");
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("", 0), "");
    }

    #[test]
    fn numbers_are_aligned_at_the_right() {
        console::set_colors_enabled(false);
        let mut table = Table::new([("peer", Fit::Whole), ("documents", Fit::Number)]);
        table.add_row(["h:1".into(), "5".into()]);
        table.add_row(["h:2".into(), "5000".into()]);
        assert_eq!(table.fitted(None), "peer  documents\nh:1           5\nh:2        5000");
    }
}
