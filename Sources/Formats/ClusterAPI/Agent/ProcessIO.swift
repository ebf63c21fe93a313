public import ClusterModel

/// A record of a stream from or to a process.
public enum ProcessIO: Hashable, Sendable {
    public enum Stream: String, Sendable, CaseIterable {
        case input = "STDIN"
        case output = "STDOUT"
        case error = "STDERR"
    }
    /// No bytes: the stream has ended.
    case data(Stream, [UInt8])
    case resize(Terminal.Size)
    /// The next will come after `interval`.
    case heartbeat(interval: Duration?)
}

/// A record of the request of ATTACH_CONTAINER_INPUT.
public enum AttachInput: Hashable, Sendable {
    /// The first.
    case container(ContainerPath)
    case io(ProcessIO)
}

/// Headers of the agent's API that are ours.
public enum AgentHeader {
    /// With ATTACH_CONTAINER_OUTPUT: `beginning` asks for everything the agent still has, then what comes.
    public static let outputFrom = "Bulkhead-Output-From"
    public static let beginning = "beginning"
    /// Of an answer with a piece of a file: where it begins, when that is beyond what was asked for.
    public static let fileOffset = "Bulkhead-File-Offset"
}

/// What the agent's API says where the protocol's status alone does not tell its clients enough.
public enum AgentWords {
    /// With 404, and with the 500 of streams of what is inside a container.
    public static func noContainer(_ path: ContainerPath) -> String { "Container \(path) cannot be found" }
}
