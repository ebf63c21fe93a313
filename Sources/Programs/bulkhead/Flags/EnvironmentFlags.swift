import CommandOutput
import Diagnostics

/// `--env` and `--env-file`, by Docker's rules: a name without `=` stands for our own variable of that name, and is
/// left out when we have none; files come before flags; nothing is unquoted or expanded.
struct EnvironmentFlags {
    static let fileBytesMax = 1 << 20
    /// Looks a variable of ours up.
    var ours: (String) -> String?
    var readFile: (String) throws(Failure) -> [UInt8]

    func entries(_ flags: [String], files: [String]) throws(Failure) -> [String] {
        var entries: [String] = []
        for path in files { entries += try lines(of: path) }
        for flag in flags {
            guard !flag.isEmpty, !flag.begins(with: "="), !flag.utf8.contains(0) else {
                throw .flag("env", flag, cause: "it has no name", remedy: "write it as NAME=value")
            }
            if let entry = resolved(flag) { entries.append(entry) }
        }
        return entries
    }

    private func resolved(_ text: String) -> String? {
        if text.has("=") { return text }
        return ours(text).map { "\(text)=\($0)" }
    }

    private func lines(of path: String) throws(Failure) -> [String] {
        guard let text = String(validating: try readFile(path), as: UTF8.self), !text.utf8.contains(0) else {
            throw .flag("env-file", path, cause: "it is not text", remedy: "save it as UTF-8")
        }
        var entries: [String] = []
        for (index, raw) in text.cut(at: "\n", omittingEmptySubsequences: false).enumerated() {
            var line = raw.drop { $0 == " " || $0 == "\t" || $0 == "\u{feff}" }
            if line.last == "\r" { line.removeLast() }
            if line.isEmpty || line.begins(with: "#") { continue }
            let name = line.before("=")
            guard !name.isEmpty, !name.contains(where: \.isWhitespace) else {
                throw .flag(
                    "env-file", path, cause: "line \(index + 1) has no name, or one with a space in it",
                    remedy: "write a line as NAME=value")
            }
            if let entry = resolved(String(line)) { entries.append(entry) }
        }
        return entries
    }
}
