public import Containers
public import Diagnostics
import LinuxKernel
import Synchronization
import Waiting

/// Follows what a container says into regular files, and writes to it where it listens.
public final class FollowingSession: ContainerSession {
    public struct Source: Sendable {
        /// What is new since the last call; empty when there is nothing.
        public var next: @Sendable () throws(Failure) -> [SessionOutput]
        public init(next: @escaping @Sendable () throws(Failure) -> [SessionOutput]) { self.next = next }
    }

    /// How long new output stays unseen at most.
    private static let pause = Duration.milliseconds(40)
    private let source: Source
    private let input: InputLine?
    private let exit: @Sendable () async -> ContainerExit?
    private let hasEnded: @Sendable () -> Bool
    private let state = Mutex((waiting: [SessionOutput](), isClosed: false))

    public init(
        source: Source, input: InputLine?, exit: @escaping @Sendable () async -> ContainerExit?,
        hasEnded: @escaping @Sendable () -> Bool
    ) {
        self.source = source
        self.input = input
        self.exit = exit
        self.hasEnded = hasEnded
    }

    public func read() async throws(Failure) -> SessionOutput? {
        while true {
            let (next, isClosed) = state.withLock { state in
                (state.waiting.isEmpty ? nil : state.waiting.removeFirst(), state.isClosed)
            }
            if let next { return next }
            if isClosed || Task.isCancelled { return nil }
            // Asked before the last look: what was said before the end is then in the files.
            let isOver = hasEnded()
            let source = source
            let more = try await ThreadPool.shared.run { () throws(Failure) in try source.next() }
            if more.isEmpty, isOver { return nil }
            state.withLock { $0.waiting += more }
            guard more.isEmpty else { continue }
            // Files tell nobody that they have grown; whoever watches somebody's task sees it soon enough.
            do { try await Task.sleep(for: Self.pause) } catch { return nil }
        }
    }

    public func write(_ bytes: [UInt8]) async throws(Failure) -> Bool { try await input?.write(bytes) ?? false }
    public func closeInput() async { await input?.close() }
    public func resize(rows: UInt16, columns: UInt16) async throws(Failure) {
        try input?.resize(rows: rows, columns: columns)
    }
    public func signal(_ number: Int32) async throws(Failure) -> Bool { false }
    public func wait() async throws(Failure) -> Int32? { await exit()?.code }
    public func close() async { state.withLock { $0.isClosed = true } }
}

/// Follows regular files.
public final class FileFollower: Sendable {
    private struct Place {
        var file: OutputFile
        var offset: Int64
        var isError: Bool

        /// Nil for what is no file: a task may put a pipe in its place, and whoever opens that waits for the task.
        func open() throws(KernelError) -> OwnedDescriptor? {
            do throws(KernelError) {
                return try ConfinedPath.openRegular(file.path, beneath: file.confinedTo, [.readOnly, .noFollow])
            } catch {
                if error.errno == Errno.invalid { return nil }
                throw error
            }
        }
    }
    private static let batchBytes: Int64 = 1 << 18
    private let places: Mutex<[Place]>

    public init(output: OutputFile?, error: OutputFile?, from start: OutputStart) {
        var places: [Place] = []
        func add(_ file: OutputFile, isError: Bool) {
            var place = Place(file: file, offset: 0, isError: isError)
            if case .now = start { place.offset = Self.size(place) }
            places.append(place)
        }
        if let output { add(output, isError: false) }
        if let error { add(error, isError: true) }
        self.places = Mutex(places)
    }

    private static func size(_ place: Place) -> Int64 {
        do throws(KernelError) { return Int64(try place.open()?.status().size ?? 0) } catch { return 0 }
    }

    public var source: FollowingSession.Source {
        FollowingSession.Source { [self] () throws(Failure) in try next() }
    }

    private func next() throws(Failure) -> [SessionOutput] {
        let outcome = places.withLock { places -> Result<[SessionOutput], KernelError> in
            var found: [SessionOutput] = []
            do throws(KernelError) {
                for index in places.indices {
                    guard let bytes = try Self.bytes(after: &places[index]), !bytes.isEmpty else { continue }
                    found.append(places[index].isError ? .error(bytes) : .output(bytes))
                }
                return .success(found)
            } catch {
                return .failure(error)
            }
        }
        do throws(KernelError) { return try outcome.get() } catch {
            throw error.failure("session.cannot-read", doing: "read the container's output")
        }
    }

    private static func bytes(after place: inout Place) throws(KernelError) -> [UInt8]? {
        do throws(KernelError) {
            guard let file = try place.open() else { return nil }
            // The oldest part may have been given back while we were not looking: go on where there is something.
            guard let start = try file.nextData(from: place.offset) else { return nil }
            let size = Int64(try file.status().size)
            let bytes = try file.readBytes(Int(max(0, min(batchBytes, size - start))), at: start)
            place.offset = start + Int64(bytes.count)
            return bytes
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error
        }
    }
}
