import DurableStorage
import Glibc
import LinuxKernel
import Testing

@Suite("removing trees")
struct TreeRemovalTests {
    private func withPlace(_ body: (OwnedDescriptor) throws -> Void) throws {
        let parent = try OwnedDescriptor.open("/dev/shm", [.directory])
        let name = RawPath("bulkhead-removal-" + RandomName.make())
        try parent.makeDirectory(name, mode: 0o700)
        let place = try parent.open(name, [.directory])
        try body(place)
        #expect(try place.entries().map(\.name.description) == ["kept"])
        try TreeRemoval.remove(name, in: parent)
        #expect(try !parent.exists(name))
    }

    private func keep(_ place: OwnedDescriptor) throws {
        try place.makeDirectory("kept", mode: 0o700)
        let kept = try place.open("kept", [.directory])
        _ = try kept.open("file", [.writeOnly, .create], mode: 0o600)
    }

    @Test("every kind of entry goes, and what links point to stays")
    func kinds() throws {
        try withPlace { place in
            try keep(place)
            try place.makeDirectory("tree", mode: 0o000)
            let tree = try place.open("tree", [.directory])
            try tree.makeLink("link", to: "../kept")
            try tree.makeLink("absolute", to: "/")
            try tree.makeNode("fifo", kind: .fifo, mode: 0o600)
            try tree.makeNode("whiteout", kind: .character, mode: 0o000)
            try tree.makeHardLink("hard", to: "file", in: try place.open("kept", [.directory]))
            try tree.makeDirectory("sub", mode: 0o000)
            try tree.open("sub", [.directory]).makeDirectory(".removing-1", mode: 0o700)
            try tree.makeDirectory(".removing-1", mode: 0o700)
            _ = try tree.open(RawPath(bytes: [0xff, 0x0a, 0x1b]), [.writeOnly, .create], mode: 0o600)
            try TreeRemoval.remove("tree", in: place)
            #expect(try place.open("kept", [.directory]).status(of: "file").links == 1)
            try TreeRemoval.remove("tree", in: place)
        }
    }

    @Test("a link or a file at the top goes, not what it points to")
    func top() throws {
        try withPlace { place in
            try keep(place)
            try place.makeLink("link", to: "kept")
            try TreeRemoval.remove("link", in: place)
            _ = try place.open("file", [.writeOnly, .create], mode: 0o600)
            try TreeRemoval.remove("file", in: place)
        }
    }

    @Test("a tree 20,000 levels deep goes, with few descriptors")
    func deep() throws {
        try withPlace { place in
            try keep(place)
            try place.makeDirectory("tree", mode: 0o700)
            var here = try place.open("tree", [.directory])
            for _ in 0..<20_000 {
                try here.makeDirectory("d", mode: 0o700)
                here = try here.open("d", [.directory])
            }
            _ = try here.open("file", [.writeOnly, .create], mode: 0o600)
            try TreeRemoval.remove("tree", in: place)
        }
    }

    @Test("a tree of any width goes, and takes no memory for it")
    func wide() async {
        // In a process of its own, whose memory nobody else uses.
        await #expect(processExitsWith: .success) {
            let parent = try OwnedDescriptor.open("/dev/shm", [.directory])
            let name = RawPath("bulkhead-removal-" + RandomName.make())
            try parent.makeDirectory(name, mode: 0o700)
            let tree = try parent.open(name, [.directory])
            try tree.makeDirectory("below", mode: 0o700)
            let below = try tree.open("below", [.directory])
            _ = try below.open("file", [.writeOnly, .create], mode: 0o600)
            let long = String(repeating: "n", count: 100)
            for number in 0..<200_000 { try below.makeHardLink(RawPath("\(long)\(number)"), to: "file", in: below) }
            for number in 0..<20_000 {
                let directory = RawPath("d\(long)\(number)")
                try below.makeDirectory(directory, mode: 0o700)
                try below.open(directory, [.directory]).makeHardLink("file", to: "file", in: below)
            }
            // proc_pid_clear_refs(5): the peak is the present use.
            try OwnedDescriptor.open("/proc/self/clear_refs", [.writeOnly]).write("5")
            let before = try peakKilobytes()
            try TreeRemoval.remove(name, in: parent)
            let grown = try peakKilobytes() - before
            try #require(try !parent.exists(name))
            // The names alone are 22 MB.
            try #require(grown < 8_192, "\(grown) KiB more")
        }
    }

    @Test("what is in a directory goes, and the directory stays")
    func emptied() throws {
        try withPlace { place in
            try keep(place)
            try place.makeDirectory("tree", mode: 0o700)
            let tree = try place.open("tree", [.directory])
            try tree.makeLink("link", to: "../kept")
            try tree.makeDirectory("a", mode: 0o700)
            try tree.open("a", [.directory]).makeDirectory("b", mode: 0o700)
            try tree.open("a/b", [.directory]).makeDirectory("c", mode: 0o700)
            try TreeRemoval.empty(tree)
            #expect(try tree.entries().isEmpty)
            try TreeRemoval.empty(tree)
            try place.removeDirectory("tree")
        }
    }

    @Test("a directory is listed in parts, each entry once", arguments: [1, 7, 100, 1_000])
    func parts(_ count: Int) throws {
        try withPlace { place in
            try keep(place)
            try place.makeDirectory("tree", mode: 0o700)
            let tree = try place.open("tree", [.directory])
            let names = (0..<100).map { "f\($0)" }
            for name in names { _ = try tree.open(RawPath(name), [.writeOnly, .create], mode: 0o600) }
            var found: [String] = []
            var position: Int?
            repeat {
                let part = try tree.entries(from: position, atMost: count)
                #expect(part.entries.count <= count)
                found += part.entries.map(\.name.description)
                position = part.next
            } while position != nil
            #expect(found.sorted() == names.sorted())
            try TreeRemoval.remove("tree", in: place)
        }
    }

    @Test("immutable and append-only entries go")
    func immutable() throws {
        try withPlace { place in
            try keep(place)
            try place.makeDirectory("tree", mode: 0o700)
            let tree = try place.open("tree", [.directory])
            try tree.makeDirectory("sub", mode: 0o700)
            let sub = try tree.open("sub", [.directory])
            let file = try sub.open("file", [.writeOnly, .create], mode: 0o600)
            for (descriptor, flag) in [(file, 0x10 as Int32), (sub, 0x20), (tree, 0x10)] {
                var flags = flag
                let answer = ioctl(descriptor.number, 0x4008_6602, &flags)
                // tmpfs before Linux 6.6 has no such flags; the kinds of removal above are then all there is.
                #expect(answer == 0 || errno == ENOTTY || errno == EOPNOTSUPP)
            }
            try TreeRemoval.remove("tree", in: place)
        }
    }

    @Test("a mount inside is not entered and is refused")
    func mount() async {
        // In a process of its own, whose mounts nobody else sees.
        await #expect(processExitsWith: .success) {
            try OwnProcess.leaveNamespaces([.mounts])
            try Mounts.makeAllPrivate()
            let parent = try OwnedDescriptor.open("/dev/shm", [.directory])
            let name = "bulkhead-removal-" + RandomName.make()
            try parent.makeDirectory(RawPath(name), mode: 0o700)
            let place = try parent.open(RawPath(name), [.directory])
            try place.makeDirectory("tree", mode: 0o700)
            try place.open("tree", [.directory]).makeDirectory("mounted", mode: 0o700)
            let path = "/dev/shm/\(name)/tree/mounted"
            try #require(Glibc.mount("none", path, "tmpfs", 0, nil) == 0)
            let inside = try OwnedDescriptor.open(RawPath(path), [.directory])
            _ = try inside.open("file", [.writeOnly, .create], mode: 0o600)
            let refused = #expect(throws: KernelError.self) { try TreeRemoval.remove("tree", in: place) }
            try #require(refused?.errno == Errno.crossDevice || refused?.errno == Errno.busy)
            try #require(try inside.exists("file"))
            try #require(umount2(path, Int32(MNT_DETACH)) == 0)
            try TreeRemoval.remove(RawPath(name), in: parent)
        }
    }
}

/// The most memory this process has used at once.
private func peakKilobytes() throws -> Int {
    let lines = try TextFile.read("/proc/self/status").split(separator: "\n")
    let line = try #require(lines.first { $0.hasPrefix("VmHWM:") })
    return try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
}
