import ClusterAPI
import ClusterModel
public import Diagnostics

/// How large records may be. A master reads all of them before it leads, so none is written that is not read again.
extension RegistryChange {
    /// Bytes of one record as it is stored.
    public static let recordBytesMax = 1 << 20
    /// The same for maintenance, which is one record for all machines.
    public static let maintenanceBytesMax = 16 << 20

    /// Far above what is written: older versions wrote whatever came in a call, up to six bytes for each of its own.
    static let readingBounds = WireBounds(bytes: 512 << 20, depth: 64, values: 64 << 20)

    /// Whether the record may be written. It is not made for this, unless it is near the limit: agents come by the
    /// thousand.
    ///
    /// - Throws: `Failure` `registry.record-too-large`.
    public func checkSize() throws(Failure) {
        var limit = RegistryChange.recordBytesMax
        if case .putMaintenance = self { limit = RegistryChange.maintenanceBytesMax }
        let most = bytesAtMost
        if most <= limit { return }
        // No estimate is sixteen times what it is for: beyond that there is nothing to count.
        if most <= 16 * limit, let value, value.bytesCount <= limit { return }
        throw Failure(
            "registry.record-too-large", doing: "write to the registry", on: key.text,
            cause: "its record would have more than \(limit) bytes", remedy: "shorten its texts, labels and lists",
            limit: "registry record bytes \(limit)")
    }

    private var bytesAtMost: Int {
        switch self {
        case .putAgent(let agent): agent.info.bytesAtMost
        case .putFramework(let framework): framework.info.bytesAtMost
        case .putQuota(let quota, _):
            8_192 + quota.guarantees.amounts.sum(\.bytesAtMost) + quota.limits.bounds.sum(\.bytesAtMost)
        case .putMaintenance(let maintenance):
            256 + maintenance.down.sum(\.bytesAtMost)
                + maintenance.schedule.windows.sum { 256 + $0.machines.sum(\.bytesAtMost) }
        case .putWeight, .putIssued, .remove: 0
        }
    }
}

// MARK: - Estimates

// Each is what is there, as it is quoted, and more than enough for the names, brackets and numbers around it.

extension Sequence {
    fileprivate func sum(_ size: (Element) -> Int) -> Int { reduce(0) { $0 + size($1) } }
}

extension String {
    fileprivate var quoted: Int { WireValue.quotedCount(self) }
}

extension Optional<String> {
    fileprivate var quoted: Int { map(WireValue.quotedCount) ?? 0 }
}

extension FrameworkInfo {
    fileprivate var bytesAtMost: Int {
        var bytes = 4_096 + id.text.quoted + name.quoted + user.quoted
        bytes += hostname.quoted + principal.quoted + webAddress.quoted
        bytes += roles.sum { $0.text.quoted + 1 } + labels.sum(\.bytesAtMost)
        for (role, minimum) in minimumOffers {
            bytes += 128 + role.text.quoted
            bytes += minimum.alternatives.sum { 64 + $0.amounts.sum(\.bytesAtMost) }
        }
        return bytes
    }
}

extension AgentInfo {
    fileprivate var bytesAtMost: Int {
        var bytes = 4_096 + id.text.quoted + address.hostname.quoted + address.address.quoted
        if let domain { bytes += domain.region.quoted + domain.zone.quoted }
        for attribute in attributes {
            bytes += 128 + attribute.name.quoted
            switch attribute.value {
            case .text(let text): bytes += text.quoted
            case .scalar: break
            case .ranges(let ranges): bytes += ranges.bytesAtMost
            case .set(let set): bytes += set.bytesAtMost
            }
        }
        return bytes + resources.sum(\.bytesAtMost)
    }
}

extension Resource {
    fileprivate var bytesAtMost: Int {
        var bytes = 384 + name.quoted
        switch value {
        case .scalar: break
        case .ranges(let ranges): bytes += ranges.bytesAtMost
        case .set(let set): bytes += set.bytesAtMost
        }
        if let provider { bytes += provider.text.quoted }
        if let allocatedTo { bytes += allocatedTo.text.quoted }
        for reservation in reservations {
            bytes += 128 + reservation.role.text.quoted + reservation.principal.quoted
            bytes += reservation.labels.sum(\.bytesAtMost)
        }
        return bytes + (disk?.bytesAtMost ?? 0)
    }
}

extension Disk {
    fileprivate var bytesAtMost: Int {
        var bytes = 512
        if let source {
            bytes += source.root.quoted + source.id.quoted + source.profile.quoted + source.vendor.quoted
            bytes += source.metadata.sum(\.bytesAtMost)
        }
        if let persistence { bytes += persistence.id.text.quoted + persistence.principal.quoted }
        if let volume { bytes += volume.containerPath.quoted }
        return bytes
    }
}

extension Ranges {
    fileprivate var bytesAtMost: Int { 64 * ranges.count }
}

extension ItemSet {
    fileprivate var bytesAtMost: Int { items.sum { $0.quoted + 1 } }
}

extension Label {
    fileprivate var bytesAtMost: Int { 32 + key.quoted + value.quoted }
}

extension Quantities.Amount {
    fileprivate var bytesAtMost: Int { 64 + name.quoted }
}

extension MachineID {
    fileprivate var bytesAtMost: Int { 64 + hostname.quoted + address.quoted }
}
