import Diagnostics
import LinuxKernel
import Testing

@testable import TaskFiles

/// Archives made by the system's own tools, taken apart by the confined program.
@Suite("Taking archives apart")
struct ExtractTests {
    /// Runs a program of the system with `directory` as its working directory.
    private static func run(_ line: String, in directory: String) throws {
        let process = try ToolProcess.start(
            "/bin/sh", ["-c", "cd '\(directory)' && \(line)"], environment: ["PATH=/usr/bin:/bin"],
            descriptors: [nil, nil, nil])
        #expect(try process.reap() == .exited(0), "\(line)")
    }

    private static func extract(
        _ archive: String, as form: ArchiveExtractor.Form = .archive, into place: Workplace, bytesMax: UInt64 = 1 << 30,
        entriesMax: UInt64 = 1_000_000
    ) throws {
        var extractor = ArchiveExtractor(program: try Workplace.unpacker())
        extractor.expandedBytesMax = bytesMax
        extractor.entriesMax = entriesMax
        try extractor.extract(
            try OwnedDescriptor.open(RawPath(archive)), as: form,
            into: try OwnedDescriptor.open(RawPath(place.path), [.directory]), owner: (1_000, 1_001))
    }

    private static func packed(_ command: String, _ name: String) throws -> (Workplace, String) {
        let source = try Workplace()
        try run(
            "mkdir -p tree/dir && echo one > tree/file && echo two > tree/dir/program && chmod 4755 tree/dir/program"
                + " && ln -s dir/program tree/link && cd tree && \(command)", in: source.path)
        return (source, source.path + "/" + name)
    }

    @Test(
        "every form tasks use is taken apart, with the owner given and no more than permission bits",
        arguments: [
            ("tar cf ../a.tar .", "a.tar"), ("tar czf ../a.tgz .", "a.tgz"), ("tar cjf ../a.tar.bz2 *", "a.tar.bz2"),
            ("tar cJf ../a.tar.xz *", "a.tar.xz"), ("XZ_OPT=-9 tar cJf ../b.txz *", "b.txz"),
            ("zip -qry ../a.zip .", "a.zip"),
        ])
    func forms(_ command: String, _ name: String) throws {
        let (source, archive) = try Self.packed(command, name)
        #expect(ArchiveExtractor.Form(name) == .archive)
        let place = try Workplace()
        try Self.extract(archive, into: place)
        #expect(try place.text("file") == "one\n")
        #expect(try place.text("dir/program") == "two\n")
        let program = try place.status("dir/program")
        #expect([program.mode, program.uid, program.gid] == [0o755, 1_000, 1_001])
        #expect(try place.status("dir").uid == 1_000)
        #expect(HostFacts.linkTarget(place.path + "/link") == "dir/program")
        withExtendedLifetime(source) {}
    }

    @Test("a single compressed file becomes the file without its ending")
    func single() throws {
        let (source, archive) = try Self.packed("gzip -c file > ../data.txt.gz", "data.txt.gz")
        let place = try Workplace()
        #expect(ArchiveExtractor.Form("data.txt.gz") == .single(name: "data.txt"))
        try Self.extract(archive, as: .single(name: "data.txt"), into: place)
        #expect(try place.text("data.txt") == "one\n")
        withExtendedLifetime(source) {}
    }

    @Test("names that are no archive's are left alone", arguments: ["x", "x.txt", ".tar", ".gz", "x.rar", "tar"])
    func notArchives(_ name: String) { #expect(ArchiveExtractor.Form(name) == nil) }

    @Test("an archive that climbs out is refused and nothing outside is written")
    func climbs() throws {
        let source = try Workplace()
        try Self.run("echo evil > f && tar cPf a.tar --transform 's,^f$,../../escaped,' f", in: source.path)
        let place = try Workplace()
        let failure = #expect(throws: Failure.self) { try Self.extract(source.path + "/a.tar", into: place) }
        #expect(failure?.code == "layer.entry-invalid")
    }

    @Test("an entry behind a link of the archive is refused, and what the link names stays as it is")
    func behindLink() throws {
        let source = try Workplace()
        let victim = try Workplace()
        try Self.run(
            "ln -s '\(victim.path)' out && tar cf a.tar out && rm out && mkdir out && echo evil > out/f"
                + " && tar rf a.tar out/f", in: source.path)
        let place = try Workplace()
        let failure = #expect(throws: Failure.self) { try Self.extract(source.path + "/a.tar", into: place) }
        #expect(failure?.code == "layer.entry-invalid")
        #expect(try !victim.exists("f"))
    }

    @Test("files that are there are replaced, never written through")
    func replaces() throws {
        let (source, archive) = try Self.packed("tar cf ../a.tar file", "a.tar")
        let place = try Workplace()
        try place.write("precious", to: "target")
        try OwnedDescriptor.open(RawPath(place.path), [.directory]).makeLink("file", to: "target")
        try Self.extract(archive, into: place)
        #expect(try place.text("target") == "precious")
        #expect(try place.status("file").kind == .regular)
        withExtendedLifetime(source) {}
    }

    @Test("an archive that becomes too large is cut off")
    func tooLarge() throws {
        let source = try Workplace()
        try Self.run("head -c 3000000 /dev/zero > f && tar czf a.tgz f", in: source.path)
        let place = try Workplace()
        let failure = #expect(throws: Failure.self) {
            try Self.extract(source.path + "/a.tgz", into: place, bytesMax: 1_000_000)
        }
        #expect(failure?.code == "layer.limit")
    }

    @Test("directories count, whether an entry names them or not, and once if one does")
    func tooManyDirectories() throws {
        let source = try Workplace()
        let deep = Array(repeating: "a", count: 200).joined(separator: "/")
        // Only the file is an entry of the first; of the second, which has a hundred, every directory is one.
        try Self.run(
            "mkdir -p '\(deep)' b && touch '\(deep)/f' && tar cf unnamed.tar '\(deep)/f'"
                + " && for n in $(seq 99); do mkdir b/$n; done && tar cf named.tar b", in: source.path)
        let place = try Workplace()
        let failure = #expect(throws: Failure.self) {
            try Self.extract(source.path + "/unnamed.tar", into: place, entriesMax: 100)
        }
        #expect(failure?.code == "layer.limit")
        try Self.extract(source.path + "/named.tar", into: place, entriesMax: 100)
        #expect(try place.exists("b/99"))
    }

    @Test("an unpacker that says too much is ended and waited for, and the refusal names it")
    func talksTooMuch() throws {
        let place = try Workplace()
        try place.write(
            "#!/bin/sh\necho $$ > \(place.path)/pid\nhead -c 200000 /dev/zero >&4\nexec sleep 100000\n", to: "text")
        // By a process that has ended: what somebody could write to is not executed.
        try Self.run("cat text > program && chmod 755 program", in: place.path)
        let failure = #expect(throws: Failure.self) {
            try ArchiveExtractor(program: place.path + "/program").extract(
                try OwnedDescriptor.open(RawPath(place.path + "/text")), as: .archive,
                into: try OwnedDescriptor.open(RawPath(place.path), [.directory]), owner: (0, 0))
        }
        #expect(failure?.code == "fetch.unpacker" && failure?.subject == place.path + "/program")
        let process = try place.text("pid").filter(\.isNumber)
        #expect(!HostFacts.exists("/proc/\(process)"))
    }

    @Test(
        "a time that no file system keeps is refused with its entry, one that it does is the file's",
        arguments: [("@99999999999999", false), ("@15032385536", false), ("@4000000000", true)])
    func times(_ time: String, _ isKept: Bool) throws {
        let source = try Workplace()
        try Self.run("echo x > f && tar cf a.tar --format=pax --mtime=\(time) f", in: source.path)
        let place = try Workplace()
        if isKept {
            try Self.extract(source.path + "/a.tar", into: place)
            #expect(try place.status("f").modifiedSeconds == 4_000_000_000)
            return
        }
        let failure = #expect(throws: Failure.self) { try Self.extract(source.path + "/a.tar", into: place) }
        #expect(failure?.code == "layer.entry-invalid" && failure?.cause?.contains("time") == true)
        #expect(try !place.exists("f"))
    }

    @Test("bytes that are no archive are refused in words")
    func garbage() throws {
        let place = try Workplace()
        try place.write("this is no archive, only text that goes on for a while\n", to: "a.zip")
        let failure = #expect(throws: Failure.self) { try Self.extract(place.path + "/a.zip", into: place) }
        #expect(failure?.code == "archive.invalid")
    }
}
