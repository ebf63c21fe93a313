public import Diagnostics

extension Failure {
    /// A flag's value that means nothing, or that this program does not do.
    public static func flag(
        _ flag: String, _ value: String, cause: String, remedy: String? = nil, limit: String? = nil
    ) -> Failure {
        Failure(
            "flag.invalid", doing: "use --\(flag)", on: value.isEmpty ? nil : value, cause: cause, remedy: remedy,
            field: flag, limit: limit)
    }
}

/// A word that means yes or no, as Docker's flags take it.
public enum TruthWord {
    public static func parse(_ text: String, flag: String) throws(Failure) -> Bool {
        switch text.lowercased() {
        case "true", "t", "1", "yes": return true
        case "false", "f", "0", "no": return false
        default: throw .flag(flag, text, cause: "it is neither true nor false", remedy: "write true or false")
        }
    }
}
