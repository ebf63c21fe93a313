import Containers
import Diagnostics
import ImageStorage
import LinuxKernel
import NativeContainerizer
import Testing

extension ControllerTests {
    /// On the VM's scratch disk, which has fs-verity.
    @Suite("Layers that are one sealed file", .serialized)
    struct LayerSealControllerTests {
        private static func layers(in host: TestHost) throws -> [String] {
            let unpacker = Unpacker(program: try #require(ProcessEnvironment.value("BULKHEAD_UNPACK")))
            let store = try ImageStore(root: host.places.store, unpacker: unpacker)
            let archive = try #require(ProcessEnvironment.value("BULKHEAD_TEST_IMAGES")) + "/busybox.tar"
            let imported = try store.importImages(ImportRequest(source: .path(archive), layerForm: .image))
            return try store.resolve("\(try #require(imported.first).id)").layers
        }

        private static func run(_ layers: [String], on host: TestHost) throws -> ContainerExit {
            let request = host.request(["/bin/true"]) { $0.removeAtEnd = true }
            let running = try host.containerizer.launch(request, layers: layers, attachment: Attachment())
            return try host.containerizer.wait(for: request.id, running: running)
        }

        @Test("the kernel holds a layer to its digest: it can be run, and not be written to")
        func held() throws {
            let host = try TestHost()
            let layers = try Self.layers(in: host)
            let path = try #require(layers.first)
            let measured = try FileVerity.digest(of: try OwnedDescriptor.open(RawPath(path), [.readOnly]))
            #expect(try #require(measured).count == 32)
            #expect(try LayerImageSeal.digest(of: path)?.count == 64)
            #expect(try Self.run(layers, on: host).code == 0)
            do throws(KernelError) {
                _ = try OwnedDescriptor.open(RawPath(path), [.readWrite])
                Issue.record("a sealed layer can be written to")
            } catch { #expect(error.errno == Errno.notPermitted) }
        }

        @Test("a copy put in its place, with a byte changed or with none, is refused")
        func replaced() throws {
            let host = try TestHost()
            let layers = try Self.layers(in: host)
            let path = try #require(layers.first)
            let content = try OwnedDescriptor.open(RawPath(path), [.readOnly]).readAll(limit: 64 << 20)
            let directory = try OwnedDescriptor.open(
                RawPath(String(path.dropLast("fs.erofs".count))), [.directory])
            for changed in [false, true] {
                var copy = content
                if changed { copy[content.count / 2] ^= 1 }
                try directory.unlink("fs.erofs")
                try directory.open("fs.erofs", [.writeOnly, .create, .exclusive], mode: 0o600).write(copy)
                if changed {
                    let image = try directory.open("fs.erofs", [.readOnly])
                    #expect(try FileVerity.enable(on: image), "it has a digest of its own then")
                }
                do throws(Failure) {
                    let request = host.request(["/bin/true"])
                    _ = try host.containerizer.launch(request, layers: layers, attachment: Attachment())
                    Issue.record("a layer that was replaced is run")
                } catch {
                    #expect("\(error)".contains("is not the one that was imported"), "\(error)")
                    #expect("\(error)".contains("import it again"), "\(error)")
                }
            }
        }
    }
}
