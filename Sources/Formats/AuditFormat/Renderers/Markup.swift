import Diagnostics

/// Text made fit for XML and HTML, whoever wrote it.
enum Markup {
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in Untrusted.shown(text).unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            // Not characters of XML 1.0.
            case "\u{fffe}", "\u{ffff}": result += "\u{fffd}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
