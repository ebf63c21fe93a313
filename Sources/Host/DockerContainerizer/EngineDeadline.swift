/// How long the Docker Engine may take over a call. One that hangs takes connections and never answers: whoever asked
/// is told so then, instead of waiting for ever.
enum EngineDeadline: Sendable {
    /// What it answers from what it knows, and the beginning of a container's log.
    case question
    /// What starts, changes, joins or ends processes: to end one alone it may take more than ten seconds.
    case order
    /// What copies or removes trees of files. With a storage driver that shares nothing (vfs) making a container copies
    /// its image. Of an upload this is for each piece: an image may be of any size, so long as it goes on being read.
    case files
    /// No deadline: the answer comes when the container ends, and an engine that ends meanwhile ends the connection. So
    /// it is with streams once they have begun: a container may be silent for as long as it likes.
    case endless

    /// Of a call that is nothing special.
    init(_ method: String) { self = method == "GET" || method == "HEAD" ? .question : .order }

    /// How long an order that was given up may still be carried out, at the most.
    static let filesSeconds = 600.0

    /// Nil: as long as it takes.
    var seconds: Double? {
        switch self {
        case .question: 60
        case .order: 120
        case .files: Self.filesSeconds
        case .endless: nil
        }
    }
}
