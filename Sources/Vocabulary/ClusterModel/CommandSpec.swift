/// What to run: a program with its arguments, or a line for the shell.
public struct CommandSpec: Hashable, Sendable {
    public enum Program: Hashable, Sendable {
        /// `/bin/sh -c line`.
        case shell(String)
        /// `arguments` includes what the program sees as its own name. No path: the image's own program.
        case execute(path: String?, arguments: [String])
    }
    public var program: Program
    public var environment: [EnvironmentVariable]
    public var fetches: [Fetch]
    public var user: String?
    /// Members that do not go with its others, by their names: whoever launches refuses them.
    public var unused: [String] = []

    public init(
        _ program: Program, environment: [EnvironmentVariable] = [], fetches: [Fetch] = [], user: String? = nil
    ) {
        self.program = program
        self.environment = environment
        self.fetches = fetches
        self.user = user
    }

    public struct EnvironmentVariable: Hashable, Sendable {
        public enum Value: Hashable, Sendable {
            case text(String)
            /// To be looked up under a name, and in it under a key.
            case secret(name: String, key: String?)
            /// Never shown in messages or state.
            case secretBytes([UInt8])
        }
        public var name: String
        public var value: Value
        public init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    /// A file to bring into the sandbox before the start.
    public struct Fetch: Hashable, Sendable {
        public var address: String
        public var isExecutable: Bool
        public var isExtracted: Bool
        public var isCached: Bool
        /// Name in the sandbox; nil: the address's last component.
        public var outputFile: String?

        public init(
            _ address: String, isExecutable: Bool = false, isExtracted: Bool = true, isCached: Bool = false,
            outputFile: String? = nil
        ) {
            self.address = address
            self.isExecutable = isExecutable
            self.isExtracted = isExtracted
            self.isCached = isCached
            self.outputFile = outputFile
        }
    }
}
