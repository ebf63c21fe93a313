import DurableStorage
import LinuxKernel
import Testing

@Suite("durable storage")
struct AtomicFileTests {
    /// A directory in memory, gone with the test.
    private final class Place {
        let directory: OwnedDescriptor
        private let name = RawPath("bulkhead-durable-" + RandomName.make())
        private let parent: OwnedDescriptor

        init() throws {
            parent = try OwnedDescriptor.open("/dev/shm", [.directory])
            try parent.makeDirectory(name, mode: 0o700)
            directory = try parent.open(name, [.directory])
        }

        deinit {
            do { try TreeRemoval.remove(name, in: parent) } catch { print("left behind: \(name): \(error)") }
        }

        var names: [String] { get throws { try directory.entries().map(\.name.description).sorted() } }
    }

    @Test("a replaced file holds the new content, has the mode asked for, and nothing lies beside it")
    func replaces() throws {
        let place = try Place()
        for durable in [true, false] {
            for text in ["first", "second", ""] {
                try AtomicFile.replace(
                    "state", in: place.directory, with: Array(text.utf8), mode: 0o640, durable: durable)
                #expect(try AtomicFile.read("state", in: place.directory, limit: 100) == Array(text.utf8))
            }
        }
        #expect(try place.directory.status(of: "state").mode == 0o640)
        #expect(try place.names == ["state"])
    }

    @Test("a replacement that fails leaves the old content and nothing else")
    func failsWhole() throws {
        let place = try Place()
        try place.directory.makeDirectory("state", mode: 0o700)
        let error = #expect(throws: KernelError.self) {
            try AtomicFile.replace("state", in: place.directory, with: [1])
        }
        #expect(error?.errno == Errno.isDirectory)
        #expect(try place.names == ["state"])
    }

    @Test("a file that is absent, too long or a link is told apart")
    func reads() throws {
        let place = try Place()
        #expect(try AtomicFile.read("absent", in: place.directory, limit: 10) == nil)
        try AtomicFile.replace("long", in: place.directory, with: [UInt8](repeating: 1, count: 11))
        #expect(throws: KernelError.self) { _ = try AtomicFile.read("long", in: place.directory, limit: 10) }
        try place.directory.makeLink("link", to: "/etc/passwd")
        let error = #expect(throws: KernelError.self) {
            _ = try AtomicFile.read("link", in: place.directory, limit: 10)
        }
        #expect(error?.errno == Errno.tooManyLinks)
    }

    @Test("what crashed writers left is swept, and only that")
    func sweeps() throws {
        let place = try Place()
        try AtomicFile.replace("state", in: place.directory, with: [1])
        _ = try place.directory.open(RawPath(AtomicFile.temporaryPrefix + "x"), [.writeOnly, .create], mode: 0o600)
        try AtomicFile.sweep(place.directory)
        #expect(try place.names == ["state"])
    }

    @Test("a lock excludes others until it is let go, and says who has it")
    func locks() throws {
        let place = try Place()
        var lock: FileLock? = try FileLock.acquire("lock", in: place.directory, purpose: "a test")
        #expect(try FileLock.tryAcquire("lock", in: place.directory, purpose: "another") == nil)
        #expect(try FileLock.owner("lock", in: place.directory) == "\(HostFacts.processID()) a test")
        withExtendedLifetime(lock) {}
        lock = nil
        #expect(try FileLock.tryAcquire("lock", in: place.directory, purpose: "another") != nil)
    }

    @Test("whoever waited for a lock whose file was removed gets the lock of its successor")
    func removedWhileWaiting() throws {
        let place = try Place()
        let held = Monitor<[String]>([])
        let directory = place.directory
        var first: FileLock? = try FileLock.acquire("lock", in: directory, purpose: "first")
        let waiter = try WorkerThread {
            #expect(throws: Never.self) {
                let lock = try FileLock.acquire("lock", in: directory, purpose: "second")
                let owner = try FileLock.owner("lock", in: directory)
                held.withLock { $0.append(owner) }
                withExtendedLifetime(lock) {}
            }
        }
        try first?.remove()
        first = nil
        waiter.join()
        #expect(held.withLock { $0 } == ["\(HostFacts.processID()) second"])
        #expect(try place.names == ["lock"])
    }

    @Test("exclusion holds among many")
    func excludes() throws {
        let place = try Place()
        let directory = place.directory
        let inside = Monitor<(now: Int, most: Int, rounds: Int)>((0, 0, 0))
        let threads = try (0..<4).map { _ in
            try WorkerThread {
                for round in 0..<50 {
                    #expect(throws: Never.self) {
                        let lock = try FileLock.acquire("lock", in: directory, purpose: "round \(round)")
                        inside.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.rounds + 1) }
                        inside.withLock { $0.now -= 1 }
                        if round % 7 == 0 { try lock.remove() }
                        withExtendedLifetime(lock) {}
                    }
                }
            }
        }
        threads.forEach { $0.join() }
        #expect(inside.withLock { $0.most } == 1)
        #expect(inside.withLock { $0.rounds } == 200)
    }
}
