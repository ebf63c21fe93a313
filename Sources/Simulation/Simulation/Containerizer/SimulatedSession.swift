import Containers
import Diagnostics

/// A connection with a simulated process: one that joined a container, or the container's own.
final class SimulatedSession: ContainerSession {
    private let process: SimulatedProcess
    private let stream: SimulatedStream
    private let isAttached: Bool

    init(_ process: SimulatedProcess, _ stream: SimulatedStream, isAttached: Bool) {
        self.process = process
        self.stream = stream
        self.isAttached = isAttached
    }

    func read() async throws(Failure) -> SessionOutput? { await stream.next() }

    func write(_ bytes: [UInt8]) async throws(Failure) -> Bool {
        while !process.hasInputRoom { await SimulatedTime.pass() }
        return process.write(bytes)
    }

    func closeInput() async { process.closeInput() }

    func resize(rows: UInt16, columns: UInt16) async throws(Failure) { process.resize(rows: rows, columns: columns) }

    func signal(_ number: Int32) async throws(Failure) -> Bool { isAttached ? false : process.signal(number) }

    func wait() async throws(Failure) -> Int32? { await process.wait().code }

    func close() async {
        stream.close()
        if !isAttached { _ = process.signal(9) }
    }
}
