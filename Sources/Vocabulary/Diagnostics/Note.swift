/// Something worth a line of the log, as a core says it: a fixed name and sentence, and what varies beside them.
///
/// Cores have no logger; a note leaves as an effect and the driver writes it once.
public struct Note: Hashable, Sendable {
    public enum Level: String, Sendable {
        case info, warning, error
    }
    /// `noun.verb` such as `task.refused`: stable, for programs and tests.
    public var name: String
    public var level: Level
    /// One sentence for a person; text from outside in it is escaped by whoever shows it.
    public var message: String
    /// Keys such as `task`, `framework`, `container`, in the order given.
    public var details: [Detail]

    public struct Detail: Hashable, Sendable {
        public var key: String
        public var value: String
        public init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }

    public init(
        _ name: String, _ message: String, level: Level = .info, _ details: KeyValuePairs<String, String> = [:]
    ) {
        self.name = name
        self.level = level
        self.message = message
        self.details = details.map { Detail($0.key, $0.value) }
    }
}
