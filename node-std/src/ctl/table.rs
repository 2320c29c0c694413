//! Tables for people.

/// Lays `rows` out in columns under `header`, each as wide as its widest cell.
pub fn table<const N: usize>(header: [&str; N], rows: Vec<[String; N]>) -> String {
    let header = header.map(str::to_owned);
    let mut widths = [0; N];
    for row in core::iter::once(&header).chain(&rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in core::iter::once(&header).chain(&rows) {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = vec![["a".into(), "1".into(), "x".into()], ["büro".into(), "100".into(), String::new()]];
        assert_eq!(table(["NAME", "N", "LAST"], rows), "NAME  N    LAST\na     1    x\nbüro  100\n");
    }
}
