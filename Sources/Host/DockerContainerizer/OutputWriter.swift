import Containers
import Diagnostics
import LinuxKernel

/// Copies what the engine keeps of a container's output into the files it was to go to.
///
/// After a restart it begins again with everything and leaves out as much of each stream as its file is long: nothing
/// is lost and nothing comes twice.
struct OutputWriter: Sendable {
    private struct File: Sendable {
        var file: OwnedDescriptor
        var size: Int64
        var skipped: Int64 = 0
        var bytesMax: UInt64?
        var punched: Int64 = 0
    }

    private static let blockBytes: Int64 = 4_096
    private let detail: DockerContainerizer.Detail
    private let engine: Engine

    init(_ detail: DockerContainerizer.Detail, _ engine: Engine) {
        self.detail = detail
        self.engine = engine
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
        var output = try await open(launch.output)
        var error = try await open(launch.error)
        var answer = try await engine.open(
            "GET", "/containers/\(detail.engineID)/logs?follow=1&stdout=1&stderr=1")
        guard answer.status == 200 else {
            if answer.status == 404 { return }
            throw Engine.refusal(answer.status, [], doing: "read the container's output", on: launch.id.text)
        }
        var stream = EngineStream(hasTerminal: launch.terminal != nil)
        while let bytes = try await answer.next() {
            for piece in try stream.pieces(adding: bytes) {
                switch piece {
                case .output(let bytes): output = try await append(bytes, to: output)
                case .error(let bytes): error = try await append(bytes, to: error)
                }
            }
        }
    }

    private func open(_ file: OutputFile?) async throws(Failure) -> File? {
        guard let file else { return nil }
        return try await writing(file.path) { () throws(KernelError) in
            let opened = try OwnedDescriptor.open(
                RawPath(file.path), [.readWrite, .create, .noFollow], mode: 0o644)
            return File(file: opened, size: Int64(try opened.status().size), bytesMax: file.bytesMax)
        }
    }

    private func append(_ bytes: [UInt8], to file: File?) async throws(Failure) -> File? {
        guard var file else { return nil }
        let known = min(Int64(bytes.count), file.size - file.skipped)
        file.skipped += known
        let rest = Array(bytes[Int(known)...])
        guard !rest.isEmpty else { return file }
        let before = file
        return try await writing(detail.launch.id.text) { () throws(KernelError) in
            var file = before
            try file.file.seek(to: file.size)
            try file.file.write(rest)
            file.size += Int64(rest.count)
            file.skipped = file.size
            if let limit = file.bytesMax {
                let end = (file.size - Int64(clamping: limit)) / Self.blockBytes * Self.blockBytes
                if end > file.punched {
                    try file.file.punchHole(at: file.punched, count: end - file.punched)
                    file.punched = end
                }
            }
            return file
        }
    }

    private func writing<Value: Sendable>(
        _ subject: String, _ body: @escaping @Sendable () throws(KernelError) -> Value
    ) async throws(Failure) -> Value {
        try await ThreadPool.shared.run { () throws(Failure) in
            do throws(KernelError) { return try body() } catch {
                throw error.failure(
                    "container.output", doing: "write the container's output", on: subject, retry: .later)
            }
        }
    }
}
