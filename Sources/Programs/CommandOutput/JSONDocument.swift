public import Diagnostics
import FoundationEssentials

/// Values as `--output json` shows them: sorted keys, none without a value, and nothing in them drives a terminal.
public enum JSONDocument {
    public static func text(_ value: some Encodable, isPretty: Bool = true) throws(Failure) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            isPretty
            ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted] : [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Untrusted.inJSON(compacted(String(decoding: try encoder.encode(value), as: UTF8.self))) + "\n"
        } catch {
            throw Failure("output.unencodable", doing: "show the result as JSON", cause: "\(error)")
        }
    }

    /// The encoder spreads what is empty over three lines. A line break inside a string is always escaped, so what
    /// looks like that is that.
    private static func compacted(_ text: String) -> String {
        var lines: [Substring] = []
        for line in text.cut(at: "\n", omittingEmptySubsequences: false) {
            if let close = line.first(where: { $0 != " " }), close == "]" || close == "}", lines.last?.isEmpty == true,
                let opening = lines.dropLast().last, opening.ends(with: close == "]" ? "[" : "{")
            {
                lines.removeLast(2)
                lines.append(Substring(opening + line.drop { $0 == " " }))
            } else {
                lines.append(line)
            }
        }
        return lines.joined(separator: "\n")
    }
}
