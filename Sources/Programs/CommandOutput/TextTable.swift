import Diagnostics

/// Rows below headings, each column as wide as its widest cell, two spaces apart. Cells may hold text of strangers.
public struct TextTable {
    public var headings: [String]
    public var rows: [[String]]

    public init(headings: [String], rows: [[String]] = []) {
        self.headings = headings
        self.rows = rows
    }

    public var text: String {
        let lines = ([headings] + rows).map { $0.map(Untrusted.shown) }
        var widths = [Int](repeating: 0, count: headings.count)
        for line in lines {
            for (column, cell) in line.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        return lines.map { line in
            var text = ""
            for (column, cell) in line.enumerated() {
                text += cell
                if column < line.count - 1 { text += String(repeating: " ", count: widths[column] - cell.count + 2) }
            }
            while text.last == " " { text.removeLast() }
            return text + "\n"
        }.joined()
    }
}

extension String {
    /// At most `width` characters, the last one an ellipsis when something was cut.
    public func shortened(to width: Int) -> String { count <= width ? self : prefix(width - 1) + "…" }
}
