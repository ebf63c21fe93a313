/// The one place where text that may come from an image, a container or a client is made fit to be shown.
public enum Untrusted {
    /// `text` with every control character, line break and bidirectional override written as an escape, so that it
    /// can neither drive a terminal nor forge a line of a log.
    public static func shown(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if isUnsafe(scalar) {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A document of JSON with what could drive a terminal written as JSON's own escapes: the same document to every
    /// program. JSON itself escapes only what is below U+0020, and terminals obey U+009B as they do ESC and `[`.
    public static func inJSON(_ document: String) -> String {
        // Between strings a document has spaces and line breaks only, and inside them JSON escapes those.
        let isEscaped = { (scalar: Unicode.Scalar) in scalar.value >= 0x20 && isUnsafe(scalar) }
        guard document.unicodeScalars.contains(where: isEscaped) else { return document }
        var result = ""
        for scalar in document.unicodeScalars {
            guard isEscaped(scalar) else {
                result.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return result
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x61c, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff: true
        // Tags: letters that nobody sees.
        case 0xe0000...0xe007f: true
        default: false
        }
    }
}
