public import AgentCore
import Diagnostics
import LinuxKernel

/// Reads a growing file as it grows, from an offset on, until the file goes or the reader does.
public struct LogFollower: Sendable {
    private let files: SandboxFiles
    private let watch: FileWatch
    private let blocking: BlockingWork

    public init(files: SandboxFiles, watch: FileWatch, blocking: BlockingWork) {
        self.files = files
        self.watch = watch
        self.blocking = blocking
    }

    /// Gives `deliver` every piece in order, waiting for it each time: a slow reader holds back nobody but itself.
    /// A negative or nil offset begins at the end. Returns when the file is removed; cancelling ends it too.
    public func follow(
        _ path: String, from offset: Int64?, deliver: (FilePiece) async throws -> Void
    ) async throws {
        let files = files
        let file = try await blocking.run("open a file") { () throws(Failure) in try files.openFile(path) }
        var position = offset.flatMap { $0 < 0 ? nil : $0 }
        for await _ in try watch.signals(for: file) {
            while true {
                let start = position
                let piece = try await blocking.run("read a file") { () throws(Failure) in
                    try SandboxFiles.read(file, path, offset: start, length: nil)
                }
                if position == nil || (piece.bytes.isEmpty && piece.size < piece.offset) { position = piece.size }
                if piece.bytes.isEmpty { break }
                position = piece.offset + Int64(piece.bytes.count)
                try await deliver(piece)
            }
            // A removed file stays readable for us but gets no successor.
            let isGone = try await blocking.run("look at a file") { () throws(Failure) -> Bool in
                do throws(KernelError) { return try file.status().links == 0 } catch {
                    throw error.failure("files.unreadable", doing: "look at", on: path)
                }
            }
            if isGone { return }
        }
    }
}
