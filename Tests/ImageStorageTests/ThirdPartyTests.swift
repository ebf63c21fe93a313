import Diagnostics
import HostileArchives
import ImageStorage
import LinuxKernel
import OCIFormat
import Testing

@Suite("other people's tools")
struct ThirdPartyTests {
    private static let repository = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    /// Runs a line of sh(1), with its output on ours.
    private func shell(_ line: String) throws {
        let process = try ToolProcess.start(
            "/bin/sh", ["-ec", line], environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"],
            descriptors: [nil, try OwnedDescriptor.standardStream(2), try OwnedDescriptor.standardStream(2)])
        #expect(try process.reap() == .exited(0), "\(line)")
    }

    @Test("what skopeo writes in each format is imported and is the same image")
    func skopeo() throws {
        let sandbox = try StoreSandbox()
        try shell("\(Self.repository)/images/busybox/build \(sandbox.path)/made")
        let made = "docker-archive:\(sandbox.path)/made/busybox.tar"
        try shell(
            """
            cd \(sandbox.path)
            skopeo copy -q \(made) oci-archive:oci.tar:example/busybox:oci
            skopeo copy -q --dest-compress-format zstd \(made) oci:layout:zstd
            skopeo copy -q \(made) docker-archive:docker.tar:example/busybox:docker
            gzip -k docker.tar
            zstd -q docker.tar
            """)
        var layers: [[String]] = []
        for (file, name) in [
            ("oci.tar", "example/busybox:oci"), ("layout", "layout:zstd"), ("docker.tar.gz", "example/busybox:docker"),
            ("docker.tar.zst", "example/busybox:docker"), ("made/busybox.tar", "busybox:latest"),
        ] {
            let source = ImageSource.path(sandbox.path + "/" + file)
            let imported = try sandbox.store.importImages(ImportRequest(source: source))
            #expect(imported[0].references.map(\.familiar).contains(name), "\(file)")
            layers.append(try sandbox.store.resolve(name).layers)
        }
        #expect(Set(layers).count == 1)
        #expect(HostFacts.exists(layers[0][0] + "/bin/busybox"))
    }

    @Test("what is exported is read by skopeo, with the digests it had", arguments: ExportFormat.allCases)
    func exported(format: ExportFormat) throws {
        let sandbox = try StoreSandbox()
        var recipe = ImageRecipe()
        recipe.layers = [.files(["a": "a"]), .files(["b": "b"], packing: .gzip)]
        let imported = try sandbox.importArchive(recipe.ociArchive(), name: "example/app:1")
        let path = sandbox.path + "/exported.tar"
        let output = try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create], mode: 0o600)
        try sandbox.store.export("example/app:1", to: output, format: format)
        try shell(
            """
            cd \(sandbox.path)
            skopeo inspect --config --raw \(format.rawValue):exported.tar > config
            skopeo copy -q \(format.rawValue):exported.tar oci:copy:1
            """)
        #expect(
            Digest(of: try OwnedDescriptor.open(RawPath(sandbox.path + "/config")).readAll(limit: 1 << 20))
                == imported[0].id)
        let copy = ImportRequest(source: .path(sandbox.path + "/copy"))
        let again = try sandbox.store.importImages(copy)
        // From Docker's format skopeo writes the configuration anew.
        if format == .ociArchive { #expect(again[0].id == imported[0].id) }
        #expect(try sandbox.store.diskUsage().layers == 2)
    }
}
