public import Diagnostics
public import InventoryFormat
import LinuxKernel

/// Which packages an image has, by its package managers' own records in its layers. Nothing of it is run; layers that
/// are EROFS images are mounted read-only where no path leads.
public enum PackageObserver {
    public struct Inventory: Equatable, Sendable {
        public var release: OSRelease?
        public var packages: [InstalledPackage]
    }

    private static let releases = ["/etc/os-release", "/usr/lib/os-release"]
    private static let debian = "/var/lib/dpkg/status"
    /// Images without a package manager have a file a package there.
    private static let debianParts = "/var/lib/dpkg/status.d"
    private static let alpine = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"]

    /// `layers` are those of the store, lowest first.
    /// - Throws: `inventory.damaged`, `audit.unobserved` when a layer cannot be read.
    public static func observe(layers: [String]) throws(Failure) -> Inventory {
        let result: Result<Inventory, Failure>
        do throws(KernelError) { result = try inventory(try LayeredFiles(layers: layers)) } catch {
            throw error.failure("audit.unobserved", doing: "read the image's packages")
        }
        return try result.get()
    }

    private static func inventory(_ files: LayeredFiles) throws(KernelError) -> Result<Inventory, Failure> {
        var release: OSRelease?
        for path in releases where release == nil {
            release = try files.read(path, limit: InventoryLimits.releaseBytes).map(OSRelease.init)
        }
        var contents: [(String, [UInt8], isDebian: Bool)] = []
        func add(_ path: String, isDebian: Bool) throws(KernelError) {
            guard let content = try files.read(path, limit: InventoryLimits.fileBytes) else { return }
            contents.append((path, content, isDebian))
        }
        try add(debian, isDebian: true)
        // Whatever a file is called, and a file that cannot be followed is not a package less: it is told.
        for name in try files.names(in: debianParts, limit: InventoryLimits.files)
        where !name.description.ends(with: ".md5sums") {
            let path = "\(debianParts)/\(name)"
            guard let content = try files.read(name, in: debianParts, limit: InventoryLimits.fileBytes) else {
                throw KernelError(call: "read the packages in", on: path, errno: Errno.noEntry)
            }
            contents.append((path, content, isDebian: true))
        }
        for path in alpine { try add(path, isDebian: false) }
        var packages: [InstalledPackage] = []
        do throws(Failure) {
            for (path, content, isDebian) in contents {
                packages +=
                    isDebian
                    ? try DebianDatabase.packages(parsing: content, from: path)
                    : try AlpineDatabase.packages(parsing: content, from: path)
            }
        } catch { return .failure(error) }
        return .success(Inventory(release: release, packages: packages))
    }
}
