import ArgumentParser
import Diagnostics
import ImageStorage
import LinuxKernel
import NativeContainerizer

struct MountImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount", abstract: "Show an image's files read-only at a directory of this host.",
        discussion: """
            Without a directory one is made below the state directory and printed. Undo it with 'image unmount'.

            Examples:
              ls $(bulkhead image mount busybox)
              bulkhead image mount busybox /mnt
            """)

    @Argument(help: "The image's name or id.")
    var image: String
    @Argument(help: "An existing directory (usual: one is made).")
    var directory: String?
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    private struct Document: Encodable {
        var image: String
        var directory: String
    }

    func run() throws {
        let stored = try global.imageStore().resolve(image)
        let containerizer = try global.containerizer()
        let target = try target(for: stored)
        try containerizer.mountImage(layers: stored.layers, at: target)
        try global.show(Document(image: stored.summary.id.description, directory: target)) { target + "\n" }
    }

    private func target(for image: StoredImage) throws(Failure) -> String {
        if let directory { return HostPath.absolute(directory, in: CurrentProcess.directory()) }
        let path = ImageMounts.place(of: image, in: global)
        do throws(KernelError) { try Directories.makeAll(path, mode: 0o700) } catch {
            throw error.failure("image.cannot-mount", doing: "make the directory", on: path)
        }
        guard try !ImageMounts.isMounted(path) else {
            throw Failure(
                "image.mounted", doing: "mount the image at", on: path, cause: "it is mounted there already",
                remedy: "bulkhead image unmount \(self.image)")
        }
        return path
    }
}

struct UnmountImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unmount", abstract: "Undo 'image mount'.",
        discussion: """
            Examples:
              bulkhead image unmount busybox
              bulkhead image unmount /mnt
            """,
        aliases: ["umount"])

    @Argument(help: "The image's name or id, or the directory it was mounted at.")
    var target: String
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        let isPath = target.hasPrefix("/") || target.hasPrefix(".")
        let own = isPath ? nil : ImageMounts.place(of: try global.imageStore().resolve(target), in: global)
        let path = own ?? HostPath.absolute(target, in: CurrentProcess.directory())
        do throws(KernelError) {
            try Mounts.unmount(path)
            if let own { try Directories.removeEmpty(own) }
        } catch {
            throw error.failure(
                "image.cannot-unmount", doing: "unmount", on: path,
                remedy: Self.remedy(for: error))
        }
    }
}

extension UnmountImage {
    private static func remedy(for error: KernelError) -> String? {
        switch error.errno {
        case Errno.busy: "leave that directory first"
        case Errno.invalid, Errno.noEntry: "nothing is mounted there; see 'bulkhead image mount --help'"
        default: nil
        }
    }
}

enum ImageMounts {
    static func place(of image: StoredImage, in global: GlobalOptions) -> String {
        "\(global.places.volatile)/images/\(image.summary.id.hex.prefix(12))"
    }

    static func isMounted(_ path: String) throws(Failure) -> Bool {
        do throws(KernelError) {
            // The fifth field is where a mount is, proc_pid_mountinfo(5).
            let mounts = try TextFile.read("/proc/self/mountinfo", limit: 16 << 20)
            return mounts.split(separator: "\n").contains { $0.split(separator: " ").dropFirst(4).first == path[...] }
        } catch {
            throw error.failure("image.cannot-mount", doing: "look at", on: path)
        }
    }
}
