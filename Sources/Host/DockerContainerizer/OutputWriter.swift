import Containerizing
import Containers
import Diagnostics
import LinuxKernel
import Waiting

/// Copies what the engine keeps of a container's output into the files it was to go to.
///
/// After a restart it goes on where it had been: nothing comes twice, and what the engine has dropped meanwhile is told
/// in the file.
struct OutputWriter: Sendable {
    fileprivate struct File: Sendable {
        var file: OwnedDescriptor
        var size: Int64
        var cursor: OutputCursor
        var bytesMax: UInt64?
        var punched: Int64 = 0
    }
    private struct Files: Sendable {
        var output: File?
        var error: File?
        let positions: OwnedDescriptor
    }

    static let gap = Array("[output is missing here: the Docker Engine dropped it before it was copied]\n".utf8)
    fileprivate static let blockBytes: Int64 = 4_096
    private let detail: DockerContainerizer.Detail
    private let engine: Engine
    private let positions: OutputPositions

    init(_ detail: DockerContainerizer.Detail, _ engine: Engine, _ positions: OutputPositions) {
        self.detail = detail
        self.engine = engine
        self.positions = positions
    }

    /// Until the container has ended and all is written, or the task is cancelled.
    func run() async {
        var pause = Duration.milliseconds(100)
        while !Task.isCancelled {
            do throws(Failure) { return try await copy() } catch {
                // The engine is away, or the disk is full: what is missing now is written when that has passed.
                do { try await Task.sleep(for: pause) } catch { return }
                pause = min(pause * 2, .seconds(10))
            }
        }
    }

    private func copy() async throws(Failure) {
        let launch = detail.launch
        var files = try await open()
        let known = [files.output, files.error].compactMap { $0?.cursor.position }
        let last = known.max { $0.moment < $1.moment }
        let since = last?.since.map { "&since=\($0)" } ?? ""
        var answer = try await engine.open(
            "GET", "/containers/\(detail.engineID)/logs?follow=1&stdout=1&stderr=1&timestamps=1\(since)",
            doing: "read the container's output", on: launch.id.text)
        guard answer.status == 200 else {
            if answer.status == 404 { return }
            throw Engine.refusal(answer.status, [], doing: "read the container's output", on: launch.id.text)
        }
        var stream = EngineMessages(hasTerminal: launch.terminal != nil)
        var isFirst = true
        while let bytes = try await answer.next() {
            let messages = try stream.messages(adding: bytes)
            if isFirst, let first = messages.first {
                isFirst = false
                if let last, !last.moment.isEmpty, first.moment > last.moment {
                    files.output?.cursor.lose()
                    files.error?.cursor.lose()
                }
            }
            if !messages.isEmpty { files = try await write(messages, to: files) }
        }
    }

    private func open() async throws(Failure) -> Files {
        let (launch, positions) = (detail.launch, positions)
        return try await writing { () throws(KernelError) in
            let (file, output, error) = try positions.open(launch.id)
            let last = max(output.moment, error.moment)
            return Files(
                output: try Self.open(launch.output, output, last), error: try Self.open(launch.error, error, last),
                positions: file)
        }
    }

    private static func open(
        _ file: OutputFile?, _ position: OutputPosition, _ last: String
    ) throws(KernelError) -> File? {
        guard let file else { return nil }
        let opened = try ConfinedPath.openRegular(
            file.path, beneath: file.confinedTo, [.readWrite, .create, .noFollow], mode: 0o644)
        let size = Int64(try opened.status().size)
        return File(
            file: opened, size: size, cursor: OutputCursor(resuming: position, fileSize: size, last: last),
            bytesMax: file.bytesMax)
    }

    /// First the files, then where they are: whoever is killed in between finds that a file has more than is said.
    private func write(_ messages: [EngineMessages.Message], to before: Files) async throws(Failure) -> Files {
        try await writing { () throws(KernelError) in
            var files = before
            try Self.append(messages.filter { $0.source == .output }, to: &files.output)
            try Self.append(messages.filter { $0.source == .error }, to: &files.error)
            let nowhere = OutputPosition()
            let text = OutputPosition.text(
                files.output?.cursor.position ?? nowhere, files.error?.cursor.position ?? nowhere)
            try files.positions.seek(to: 0)
            try files.positions.write(text)
            return files
        }
    }

    private static func append(_ messages: [EngineMessages.Message], to kept: inout File?) throws(KernelError) {
        guard var file = kept else { return }
        var bytes: [UInt8] = []
        for message in messages {
            let (missing, hasGap) = file.cursor.take(message.bytes, at: message.moment)
            if hasGap {
                bytes += gap
                file.cursor.added(gap.count)
            }
            bytes += missing
        }
        if !bytes.isEmpty {
            try file.file.seek(to: file.size)
            try file.file.write(bytes)
            file.size += Int64(bytes.count)
            try file.punch()
        }
        kept = file
    }

    private func writing<Value: Sendable>(
        _ body: @escaping @Sendable () throws(KernelError) -> Value
    ) async throws(Failure) -> Value {
        let subject = detail.launch.id.text
        return try await ThreadPool.shared.run { () throws(Failure) in
            do throws(KernelError) { return try body() } catch {
                throw error.failure(
                    "container.output", doing: "write the container's output", on: subject, retry: .later)
            }
        }
    }
}

extension OutputWriter.File {
    /// Gives back what is beyond the file's bound, from its beginning.
    fileprivate mutating func punch() throws(KernelError) {
        guard let limit = bytesMax else { return }
        let block = OutputWriter.blockBytes
        let end = (size - Int64(clamping: limit)) / block * block
        guard end > punched else { return }
        try file.punchHole(at: punched, count: end - punched)
        punched = end
    }
}
