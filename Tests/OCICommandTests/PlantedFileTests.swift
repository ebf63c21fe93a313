import LinuxKernel
import RuntimeSpec
import Testing

@testable import Bundles

@Suite("files that others have put where the runtime reads or writes")
struct PlantedFileTests {
    @Test("a link that waits under the name of the pid file before it has its own leads nowhere")
    func pidFile() throws {
        let bundle = try TestBundle.running("true")
        try bundle.write("before", "victim")
        let place = try OwnedDescriptor.open(RawPath(bundle.place), [.directory])
        try place.makeLink(".pid.new", to: "victim")
        let answer = try bundle.call(
            "create", "--bundle", bundle.place, "--pid-file", "\(bundle.place)/pid", TestBundle.id)
        #expect(answer.status == 0, "\(answer.errors)")
        #expect(try bundle.read("victim") == "before")
        #expect(try Int32(bundle.read("pid")) == (try bundle.state().integer("pid", as: Int32.self)))
        #expect(try place.entries().filter { $0.name.description.hasSuffix(".new") }.map(\.name) == [".pid.new"])
        try bundle.remove()
    }

    @Test("accounts are read from a regular file of the root, never from one of the kernel's")
    func accounts() throws {
        let bundle = try TestBundle.running("sleep 600") {
            TestBundle.set(&$0, ["process", "env"], ["PATH=/bin", "X=\nx:x:0:0:x:/evil:/bin/sh\n"])
        }
        try Directories.make("\(bundle.place)/rootfs/etc", mode: 0o755)
        try OwnedDescriptor.open(RawPath("\(bundle.place)/rootfs/etc"), [.directory])
            .makeLink("passwd", to: "/proc/1/environ")
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        let answer = try bundle.call("exec", TestBundle.id, "sh", "-c", "echo $HOME")
        #expect(answer.output == "/\n", "\(answer.errors)")
        try bundle.remove()
    }

    @Test("devices, pipes and directories are looked at and not opened; links stay in the root; a file is made once")
    func regular() throws {
        let bundle = try TestBundle.running("true")
        let root = try OwnedDescriptor.open(RawPath("\(bundle.place)/rootfs"), [.path, .directory])
        // Of no driver: whoever opens it gets ENXIO.
        try root.makeNode("device", kind: .character, mode: 0o666, major: 240, minor: 77)
        try root.makeNode("pipe", kind: .fifo, mode: 0o666)
        try root.makeLink("link", to: "/file")
        try root.makeLink("out", to: RawPath("\(bundle.place)/config.json"))
        try root.makeLink("nowhere", to: "none")
        func failure(_ name: RawPath, _ flags: OpenFlags = .readOnly) -> Int32? {
            do throws(KernelError) {
                _ = try root.openRegular(name, flags, mode: 0o644)
                return nil
            } catch { return error.errno }
        }
        for flags in [.readOnly, [.writeOnly, .create, .append, .noFollow]] as [OpenFlags] {
            for name in ["device", "pipe", "bin"] as [RawPath] { #expect(failure(name, flags) == Errno.invalid) }
        }
        #expect(failure("file") == Errno.noEntry)
        try root.openRegular("file", [.writeOnly, .create, .append, .noFollow], mode: 0o644).write("a")
        try root.openRegular("file", [.writeOnly, .create, .append, .noFollow], mode: 0o644).write("b")
        #expect(try root.openRegular("link").readAll(limit: 16) == Array("ab".utf8))
        #expect(failure("link", [.readOnly, .noFollow]) == Errno.tooManyLinks)
        #expect(failure("link", [.writeOnly, .create, .noFollow]) == Errno.tooManyLinks)
        #expect(failure("nowhere", [.writeOnly, .create]) == Errno.tooManyLinks)
        #expect(failure("out") == Errno.noEntry)
        try bundle.remove()
    }
}
