/// How results and refusals are shown.
public enum OutputFormat: String, Sendable, CaseIterable {
    case table, json
}
