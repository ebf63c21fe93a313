public import ClusterAPI
public import Diagnostics

/// Files of sandboxes and logs, by their virtual paths.
extension AgentClient {
    public func listFiles(_ path: String) async throws(Failure) -> [FileView] {
        guard case .files(let files) = try await process(.listFiles(path: path)) else {
            throw ClientFailures.unreadable(.agent, address, "it did not list the files")
        }
        return files
    }

    /// A piece of the file, where it begins, and the size of all of it. It begins beyond `offset` when what was there
    /// has been dropped. No bytes: `offset` is at the end. `length` nil takes what the agent gives in one answer.
    public func readFile(
        _ path: String, offset: UInt64 = 0, length: UInt64? = nil
    ) async throws(Failure) -> (bytes: [UInt8], offset: UInt64, size: UInt64) {
        let answer = try await answered(.process(.readFile(path: path, offset: offset, length: length)))
        guard case .process(.fileContent(let bytes, let size))? = answer.response else {
            throw ClientFailures.unreadable(.agent, address, "it did not give the file's content")
        }
        let start = answer.headers.first(name: AgentHeader.fileOffset).flatMap { UInt64($0) }
        return (bytes, max(offset, start ?? offset), size)
    }

    /// The file from `offset` on, piece by piece, and what is added to it later, until `isOver` says that nothing
    /// will be and everything has been read. A file that became shorter is read from its new beginning.
    public func follow(
        _ path: String, from offset: UInt64 = 0, every interval: Duration = .milliseconds(500),
        until isOver: @escaping @Sendable () async -> Bool = { false }
    ) -> FollowedFile {
        FollowedFile(agent: self, path: path, offset: offset, interval: interval, isOver: isOver)
    }
}

/// A file that may grow while it is read, and lose its beginning. Reading throws the agent's failures; cancelling the
/// task that reads ends it.
public struct FollowedFile: AsyncSequence, Sendable {
    public typealias Failure = Diagnostics.Failure
    let agent: AgentClient
    let path: String
    let offset: UInt64
    let interval: Duration
    let isOver: @Sendable () async -> Bool

    static let pieceBytes: UInt64 = 256 << 10

    public func makeAsyncIterator() -> Iterator { Iterator(file: self, offset: offset) }

    public struct Iterator: AsyncIteratorProtocol {
        let file: FollowedFile
        var offset: UInt64

        public mutating func next() async throws(Diagnostics.Failure) -> [UInt8]? {
            try await next(isolation: nil)
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(Diagnostics.Failure) -> [UInt8]? {
            var isLast = false
            while !Task.isCancelled {
                let piece = try await file.agent.readFile(file.path, offset: offset, length: FollowedFile.pieceBytes)
                if !piece.bytes.isEmpty {
                    offset = piece.offset + UInt64(piece.bytes.count)
                    return piece.bytes
                }
                if piece.size < offset {
                    offset = 0
                    continue
                }
                if isLast { return nil }
                // What is written before it is over is read after.
                isLast = await file.isOver()
                if isLast { continue }
                do {
                    try await Task.sleep(for: file.interval)
                } catch {
                    return nil
                }
            }
            return nil
        }
    }
}
