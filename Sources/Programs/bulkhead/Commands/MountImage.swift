import ArgumentParser
import CommandOutput
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
        let containerizer = try global.containerizer(sweeping: true)
        let store = try global.imageStore()
        let stored = try store.resolve(image)
        let mounts = ImageMounts(global)
        let target =
            try directory.map { HostPath.absolute($0, in: CurrentProcess.directory()) }
            ?? mounts.place(of: stored)
        guard try !mounts.isMounted(target) else {
            throw Failure(
                "image.mounted", doing: "mount the image at", on: target, cause: "something is mounted there already",
                remedy: "bulkhead image unmount \(directory ?? image)")
        }
        // The lease looks abandoned until the mount is there.
        let launching = try containerizer.launchLock()
        defer { withExtendedLifetime(launching) {} }
        let holder = try mounts.note(target)
        do throws(Failure) {
            try store.lease(container: holder, image: stored)
            try containerizer.mountImage(layers: stored.layers, at: target)
        } catch {
            try mounts.forget(target, in: store)
            throw error
        }
        try global.show(Document(image: stored.summary.id.description, directory: target)) { target + "\n" }
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
        let store = try global.imageStore()
        let mounts = ImageMounts(global)
        // `image mount` takes a directory by any path, so the way back does; a name at which nothing is mounted is an
        // image's.
        let place = HostPath.absolute(target, in: CurrentProcess.directory())
        let isPath = try target.begins(with: "/") || target.begins(with: ".") || mounts.isMounted(place)
        let path = isPath ? place : try mounts.place(of: try store.resolve(target))
        do throws(KernelError) { try Mounts.unmount(path) } catch {
            throw error.failure(
                "image.cannot-unmount", doing: "unmount", on: path, remedy: Self.remedy(for: error))
        }
        try mounts.forget(path, in: store)
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
