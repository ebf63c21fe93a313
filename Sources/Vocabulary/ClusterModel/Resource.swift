public import Diagnostics

/// Some of one kind of resource: `4 cpus reserved for eng`. Two resources that differ in anything but `value` are of
/// different kinds and never merge.
public struct Resource: Hashable, Sendable {
    public var name: String
    public var value: ResourceValue
    /// The refinement stack; empty: nobody's. The last one counts.
    public var reservations: [Reservation]
    public var disk: Disk? {
        get { boxedDisk?.disk }
        set { boxedDisk = newValue.map(BoxedDisk.init) }
    }
    /// Kept apart because few resources have one and all are copied often.
    private var boxedDisk: BoxedDisk?
    public var provider: ProviderID?
    /// May be taken back at any time.
    public var isRevocable: Bool
    /// May be given to several tasks at once. Only persistent volumes are.
    public var isShared: Bool
    /// The role it has been offered or given to.
    public var allocatedTo: RoleName?

    public init(
        _ name: String, _ value: ResourceValue, reservations: [Reservation] = [], disk: Disk? = nil,
        provider: ProviderID? = nil, isRevocable: Bool = false, isShared: Bool = false, allocatedTo: RoleName? = nil
    ) {
        self.name = name
        self.value = value
        self.reservations = reservations
        boxedDisk = disk.map(BoxedDisk.init)
        self.provider = provider
        self.isRevocable = isRevocable
        self.isShared = isShared
        self.allocatedTo = allocatedTo
    }

    public var isReserved: Bool { !reservations.isEmpty }
    public var isRefined: Bool { reservations.count > 1 }
    public var isPersistentVolume: Bool { boxedDisk?.disk.persistence != nil }

    /// The role it is kept for, nil when it is anybody's.
    public var reservedFor: RoleName? { reservations.last?.role }

    /// Whether part of it can be given away. A volume and a disk of its own go whole.
    public var isDivisible: Bool {
        guard let disk = boxedDisk?.disk else { return true }
        return disk.persistence == nil && disk.source?.isDivisible != false
    }

    /// Whether a framework of `role` may have it: nobody's, or reserved for the role or for one above it.
    public func isAllocatable(to role: RoleName) -> Bool {
        guard let owner = reservedFor else { return true }
        return role.isWithin(owner)
    }

    /// The same kind of resource, whatever the amount.
    public func isSameKind(as other: Resource) -> Bool {
        name == other.name && isRevocable == other.isRevocable && isShared == other.isShared
            && allocatedTo == other.allocatedTo && reservations == other.reservations && boxedDisk == other.boxedDisk
            && provider == other.provider && value.isOfSameType(as: other.value)
    }

    /// - Throws: `Failure` `resource.invalid` naming what does not fit together.
    public func validate() throws(Failure) {
        if let fault {
            throw Failure(
                "resource.invalid", doing: "use resource", on: description, cause: fault,
                remedy: "correct the resource", field: "resources")
        }
    }

    private var fault: String? {
        if name.isEmpty { return "it has no name" }
        if ["cpus", "mem", "disk", "gpus"].contains(name), !value.isOfSameType(as: .scalar(.zero)) {
            return "\(name) is an amount"
        }
        if name == "ports", !value.isOfSameType(as: .ranges(.empty)) { return "ports are ranges" }
        if name == "gpus", case .scalar(let amount) = value, !amount.isWhole { return "gpus come in whole numbers" }
        if boxedDisk != nil, name != "disk" { return "only disk has a disk source or a volume" }
        if isShared, !isPersistentVolume { return "only persistent volumes can be shared" }
        if isPersistentVolume, !isReserved { return "a persistent volume needs a reservation" }
        if isRevocable, isReserved { return "what can be taken back at any time cannot be reserved" }
        return reservationFault
    }

    private var reservationFault: String? {
        var above: Reservation?
        for reservation in reservations {
            if reservation.role == .anyone { return "nothing can be reserved for '*'" }
            if let above {
                if !reservation.role.isStrictlyBelow(above.role) {
                    return "a refinement for '\(reservation.role)' is not below '\(above.role)'"
                }
                if reservation.origin == .configured { return "only the first reservation can be static" }
            }
            above = reservation
        }
        return nil
    }
}

private final class BoxedDisk: Hashable, Sendable {
    let disk: Disk
    init(_ disk: Disk) { self.disk = disk }
    static func == (left: BoxedDisk, right: BoxedDisk) -> Bool { left === right || left.disk == right.disk }
    func hash(into hasher: inout Hasher) { hasher.combine(disk) }
}

extension Resource: CustomStringConvertible {
    /// For people: `disk(eng, eng/db by ops)[volume v at data]{SHARED}:64`. Only unreserved and once statically
    /// reserved resources read back with `Resources(parsing:)`.
    public var description: String {
        var text = name
        if let allocatedTo { text += "<\(allocatedTo)>" }
        if !reservations.isEmpty {
            let stack = reservations.map { each in
                each.principal.map { "\(each.role) by \($0)" } ?? each.role.text
            }
            text += "(" + stack.joined(separator: ", ") + ")"
        }
        if let disk {
            var parts: [String] = []
            if let source = disk.source { parts.append("\(source.kind.rawValue) \(source.root ?? source.id ?? "")") }
            if let persistence = disk.persistence { parts.append("volume \(persistence.id)") }
            if let volume = disk.volume { parts.append("at \(volume.containerPath)") }
            text += "[" + parts.joined(separator: " ") + "]"
        }
        if isRevocable { text += "{REV}" }
        if isShared { text += "{SHARED}" }
        return text + ":" + value.description
    }
}
