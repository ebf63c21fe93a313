import LinuxKernel
import NativeContainerizer
import Synchronization

/// Reads pipes to their ends while somebody else waits for the process behind them.
final class Drain {
    private let results: Results
    private let threads: [WorkerThread]

    private final class Results: Sendable {
        let texts = Mutex<[Int: String]>([:])
    }

    init(_ pipes: [OwnedDescriptor]) throws {
        let results = Results()
        self.results = results
        threads = try pipes.enumerated().map { index, pipe in
            try WorkerThread {
                let text: String
                do { text = String(decoding: try pipe.readAll(limit: 256 << 20), as: UTF8.self) } catch {
                    text = "cannot read: \(error)"
                }
                results.texts.withLock { $0[index] = text }
            }
        }
    }

    func finish() -> (String, String) {
        for thread in threads { thread.join() }
        return results.texts.withLock { ($0[0] ?? "", $0[1] ?? "") }
    }
}

extension ContainerLog {
    /// Everything that is there now.
    mutating func rest() throws -> [LogRecord] {
        var all: [LogRecord] = []
        while true {
            let more = try next()
            if more.isEmpty { return all }
            all += more
        }
    }
}
