import Diagnostics
import DurableStorage
import HostileArchives
import LinuxKernel
import OCIFormat
import Testing

@testable import ImageStorage

@Suite("crashes and races")
struct CrashTests {
    private func archive() -> [UInt8] {
        var recipe = ImageRecipe()
        recipe.layers = [.files(["one": "1"]), .files(["two": "2"], packing: .gzip)]
        recipe.tags = ["crash/test:1"]
        return recipe.dockerArchive()
    }

    private func importer() throws -> String {
        let unpacker = try StoreSandbox.unpacker().program
        let bundle = try #require(HostFacts.linkTarget("/proc/self/exe"))
        let found = ([bundle, unpacker] + CommandLine.arguments).map { path in
            path.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/image-importer"
        }
        return try #require(found.first { HostFacts.exists($0) }, "image-importer is not built")
    }

    /// Runs an import in a process of its own and kills it at the `count`th call of `call`. False: there was no such.
    private func isKilled(at call: String, _ count: Int, _ sandbox: StoreSandbox, _ path: String) throws -> Bool {
        let strace = try ToolProcess.start(
            "/usr/bin/strace",
            [
                "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e", "inject=\(call):signal=KILL:when=\(count)",
                try importer(), sandbox.store.path, try StoreSandbox.unpacker().program, path,
            ], descriptors: [nil, nil, try OwnedDescriptor.standardStream(2)])
        let end = try strace.reap()
        if end == .exited(0) { return false }
        try #require(end == .signaled(9))
        return true
    }

    @Test(
        "an import killed at any change it makes leaves nothing visible, and the next one succeeds",
        arguments: ["renameat2", "mkdirat", "unlinkat", "fsync,syncfs", "flock"])
    func killed(call: String) throws {
        var reached = 0
        while true {
            let sandbox = try StoreSandbox()
            let path = try sandbox.write("image.tar", archive())
            guard try isKilled(at: call, reached + 1, sandbox, path) else { break }
            reached += 1
            let store = try sandbox.reopened()
            // All or nothing.
            for image in try store.list() {
                #expect(image.references.map(\.familiar) == ["crash/test:1"])
                #expect(try TextFile.read(try store.resolve("crash/test:1").layers[1] + "/two") == "2")
            }
            #expect(try sandbox.contents().filter { $0.hasPrefix("staging/") } == ["staging/"])
            #expect(try sandbox.contents().filter { $0.contains(AtomicFile.temporaryPrefix) } == [])
            _ = try store.importImages(ImportRequest(source: .path(path)))
            #expect(try TextFile.read(try store.resolve("crash/test:1").layers[0] + "/one") == "1")
            _ = try store.remove("crash/test:1")
            #expect(try sandbox.contents().filter { !$0.hasSuffix("/") && !$0.hasPrefix("index.json") } == [])
        }
        #expect(reached > 0)
    }

    /// A worker that does `script` when it is asked for `task`, and otherwise what it should.
    private func unpacker(in sandbox: String, when task: String, _ script: String) throws -> Unpacker {
        let path = sandbox + "/unpacker"
        let text = """
            #!/bin/sh
            echo "$1" >> \(sandbox)/tasks
            if [ "$1" = \(task) ]; then \(script); fi
            exec \(try StoreSandbox.unpacker().program) "$@"

            """
        try HostScript.write(text, to: path)
        return Unpacker(program: path)
    }

    @Test(
        "an unpacker that dies or talks nonsense is a clear refusal, and leaves nothing behind",
        arguments: [
            ("kill -9 $$", "image.unpacker-killed"), ("kill -11 $$", "image.unpacker-killed"),
            ("exit 3", "image.unpacker-broken"), ("exit 0", "image.unpacker-broken"),
            ("echo nonsense >&4; exit 0", "image.document-syntax"),
            ("echo '{\"done\":{}}' >&4; exit 1", "image.unpacker-broken"),
            ("echo '{\"done\":{}}' >&4; echo '{}' >&4; exit 0", "image.unpacker-broken"),
            ("head -c 200000 /dev/zero | tr '\\0' a >&4; exit 0", "image.unpacker-broken"),
            (
                #"echo '{"member":{"name":"manifest.json","file":"../../index.json","size":1}}' >&4; exit 1"#,
                "image.document-member-missing"
            ),
        ])
    func brokenUnpacker(script: String, code: String) throws {
        for task in ["ingest", "layer"] {
            let outer = try StoreSandbox()
            let broken = try unpacker(in: outer.path, when: task, script)
            let store = try ImageStore(root: outer.store.path, unpacker: broken)
            let path = try outer.write("image.tar", archive())
            let before = try outer.contents()
            let failure = #expect(throws: Failure.self) {
                _ = try store.importImages(ImportRequest(source: .path(path)))
            }
            // A layer's worker tells no members; such a line is passed over there.
            let codes = task == "layer" ? [code, "image.unpacker-broken", "image.document-member-missing"] : [code]
            #expect(codes.contains(failure?.code.rawValue ?? ""), "\(task): \(failure?.description ?? "nothing")")
            #expect(failure?.description.isEmpty == false)
            #expect(try outer.contents() == before)
            try outer.expectGoodImageImports()
        }
    }

    /// Whoever takes the outer archive apart reads what strangers wrote: its word for a layer's bytes is not taken.
    @Test("a layer that is changed after the archive was taken apart is refused")
    func changedBetween() throws {
        var recipe = ImageRecipe()
        recipe.layers = [.files(["one": "1"])]
        let sandbox = try StoreSandbox()
        let program = try StoreSandbox.unpacker().program
        // The third member is the layer; its first file's content begins at 512.
        let lying = try unpacker(
            in: sandbox.path, when: "ingest",
            "\(program) \"$@\" && printf 2 | dd of=/proc/self/fd/3/m2 bs=1 seek=512 conv=notrunc 2>/dev/null; exit")
        let path = try sandbox.write("image.tar", recipe.ociArchive())
        let store = try ImageStore(root: sandbox.store.path, unpacker: lying)
        let failure = #expect(throws: Failure.self) {
            _ = try store.importImages(ImportRequest(source: .path(path), name: "changed"))
        }
        #expect(failure?.code == "image.digest-mismatch", "\(failure?.description ?? "nothing")")
        #expect(try TextFile.read(sandbox.path + "/tasks") == "ingest\nlayer\ndigest\n")
        #expect(try store.list().isEmpty)
        try sandbox.expectGoodImageImports()
    }

    @Test("eight imports of one image at once unpack each layer once")
    func concurrent() throws {
        let sandbox = try StoreSandbox()
        let counting = try unpacker(in: sandbox.path, when: "never", ":")
        let path = try sandbox.write("image.tar", archive())
        let root = sandbox.store.path
        let failures = Monitor<[String]>([])
        let threads = try (0..<8).map { _ in
            try WorkerThread {
                do {
                    let store = try ImageStore(root: root, unpacker: counting)
                    _ = try store.importImages(ImportRequest(source: .path(path)))
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        threads.forEach { $0.join() }
        #expect(failures.withLock { $0 } == [])
        let tasks = try TextFile.read(sandbox.path + "/tasks").split(separator: "\n")
        #expect(tasks.filter { $0 == "ingest" }.count == 8)
        #expect(tasks.filter { $0 == "layer" }.count == 2)
        #expect(try sandbox.store.list().count == 1)
        #expect(try sandbox.store.diskUsage().layers == 2)
        #expect(try sandbox.contents().filter { $0.hasPrefix("staging/") } == ["staging/"])
    }

    @Test("imports, removals, pruning and leases at once never take away what somebody has")
    func storm() throws {
        let sandbox = try StoreSandbox()
        var paths: [String] = []
        for number in 0..<3 {
            var recipe = ImageRecipe()
            recipe.layers = [.files(["base": "base"]), .files(["number": "\(number)"])]
            paths.append(try sandbox.write("image\(number).tar", recipe.dockerArchive()))
        }
        let store = sandbox.store
        let failures = Monitor<[String]>([])
        let threads = try (0..<4).map { thread in
            let sources = paths
            return try WorkerThread {
                for round in 0..<6 {
                    let number = (thread + round) % 3
                    do {
                        let imported = try store.importImages(ImportRequest(source: .path(sources[number])))
                        let image = try store.resolve("\(imported[0].id)")
                        try store.lease(container: "c\(thread)", image: image)
                        let text = try TextFile.read(image.layers[1] + "/number")
                        if text != "\(number)" { failures.withLock { $0.append("read \(text)") } }
                        _ = try store.prune(.all)
                        _ = try TextFile.read(image.layers[0] + "/base")
                        try store.release(container: "c\(thread)")
                    } catch let failure as Failure where failure.code == "image.not-found" {
                        // Another one pruned it before it was leased: an answer, not an error.
                        continue
                    } catch {
                        failures.withLock { $0.append("\(error)") }
                    }
                }
            }
        }
        threads.forEach { $0.join() }
        #expect(failures.withLock { $0 } == [])
        _ = try store.prune(.all)
        #expect(try sandbox.contents().filter { !$0.hasSuffix("/") && !$0.hasPrefix("index.json") } == [])
    }

    @Test("a staging directory that is being removed keeps its lock until nobody can sweep it")
    func ending() throws {
        let sandbox = try StoreSandbox()
        let root = try StoreRoot(path: sandbox.store.path)
        let staging = try Staging(in: root, purpose: "a test")
        try staging.directory.makeDirectory("work", mode: 0o700)
        try staging.reserve(chains: [], blobs: [])
        let remover = try root.locked(for: "a test") { () throws(Failure) -> WorkerThread in
            do {
                let thread = try WorkerThread { #expect(throws: Never.self) { try staging.remove() } }
                // It ends with the lock alone, or with nothing; no sweep can begin meanwhile.
                var left = ["work"]
                let deadline = Deadline(seconds: 120)
                while left.contains("work") || left.contains("reserved.json"), !deadline.hasPassed {
                    left = try staging.directory.entries().map(\.name.description)
                }
                #expect(left == ["lock"])
                #expect(try FileLock.tryAcquire(Staging.lockName, in: staging.directory, purpose: "a sweep") == nil)
                return thread
            } catch {
                throw Failure("test.failed", doing: "look at a staging directory", cause: "\(error)")
            }
        }
        remover.join()
        #expect(try root.staging.entries().isEmpty)
        try staging.remove()
        try Staging.sweep(root)
    }

    @Test("leftovers of a crashed import are swept, those of a running one are not")
    func sweeps() throws {
        let sandbox = try StoreSandbox()
        let store = try OwnedDescriptor.open(RawPath(sandbox.store.path), [.directory])
        let staging = try store.open("staging", [.directory])
        for name in ["crashed", "running"] as [RawPath] {
            try staging.makeDirectory(name, mode: 0o700)
            _ = try staging.open(name, [.directory]).open("m0", [.writeOnly, .create], mode: 0o600)
        }
        _ = try staging.open("stray", [.writeOnly, .create], mode: 0o600)
        let running = try staging.open("running", [.directory])
        let lock = try FileLock.acquire("lock", in: running, purpose: "a test")
        _ = try sandbox.reopened()
        #expect(try staging.entries().map(\.name.description) == ["running"])
        #expect(try running.exists("m0"))
        withExtendedLifetime(lock) {}
    }
}
