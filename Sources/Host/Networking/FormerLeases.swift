import Diagnostics
import LinuxKernel

/// Which addresses of a network, by their offsets, somebody has had since flows were last forgotten:
/// `former/NETWORK/OFFSET`, an empty file each.
enum FormerLeases: Equatable, Sendable {
    /// Nobody has looked yet: the network is new, or its state is older than this list.
    case unknown
    case of(Set<UInt32>)

    func contains(_ offset: UInt32) -> Bool {
        switch self {
        case .unknown: true
        case .of(let offsets): offsets.contains(offset)
        }
    }
}

extension NetworkFiles {
    func formerLeases(_ network: String) throws(Failure) -> FormerLeases {
        let folder = "former/" + network
        guard HostFacts.exists("\(root)/\(folder)") else { return .unknown }
        return .of(Set(try names(in: folder).compactMap { UInt32($0) }))
    }

    /// Before the lease itself is given back.
    func addFormerLease(_ offset: UInt32, of network: String) throws(Failure) {
        let folder = "former/" + network
        guard HostFacts.exists("\(root)/\(folder)") else { return }
        try attempt("write", "\(folder)/\(offset)") { () throws(KernelError) in
            _ = try OwnedDescriptor.open(
                RawPath("\(root)/\(folder)/\(offset)"), [.writeOnly, .create, .noFollow], mode: 0o600)
        }
    }

    /// After their flows were forgotten.
    func clearFormerLeases(_ network: String) throws(Failure) {
        let folder = "former/" + network
        for name in try names(in: folder) { try remove("\(folder)/\(name)") }
        try attempt("write", folder) { () throws(KernelError) in
            try Directories.makeAll("\(root)/\(folder)", mode: 0o700)
        }
    }

    /// With the network.
    func removeFormerLeases(_ network: String) throws(Failure) {
        let folder = "\(root)/former/\(network)"
        guard HostFacts.exists(folder) else { return }
        try attempt("remove", folder) { () throws(KernelError) in try TreeRemoval.remove(folder) }
    }
}
