import Diagnostics
import OCIFormat

/// Which of a source's images are imported, and under which names. Pure.
struct ImageChoice {
    let request: ImportRequest

    func chosen(from plans: [ImagePlan]) throws(Failure) -> [ImagePlan] {
        var plans = try selected(from: plans)
        if let name = request.name {
            guard plans.count == 1 else { throw several(plans, "--name names one image") }
            let reference = try pinnedReference(name, plans[0], field: "name")
            plans[0].references = [reference]
            return plans
        }
        let unnamed = plans.indices.filter { plans[$0].references.isEmpty }
        guard unnamed.count <= 1 else { throw several(plans, "\(unnamed.count) of them have no name") }
        if let index = unnamed.first {
            guard let stem = request.source.stem else {
                throw Failure(
                    "image.needs-name", doing: "import the image", on: request.source.shown, cause: "it has no name",
                    remedy: "give it one with --name", field: "name")
            }
            plans[index].references = [try ImageReference(parsing: stem)]
        }
        return plans
    }

    private func selected(from plans: [ImagePlan]) throws(Failure) -> [ImagePlan] {
        guard let text = request.reference else { return plans }
        let wanted = try ImageReference(parsing: text)
        for var plan in plans {
            let named = plan.references.filter { Self.fits($0, wanted) }
            guard !named.isEmpty else { continue }
            _ = try pinnedReference(text, plan, field: "reference")
            plan.references = named
            return [plan]
        }
        throw Failure(
            "image.reference-missing", doing: "find \(wanted.familiar) in", on: request.source.shown,
            cause: "it holds \(names(plans))", remedy: "choose one of these with --reference", field: "reference")
    }

    /// `app@sha256:…` without a tag fits every tag: its digest says which.
    private static func fits(_ known: ImageReference, _ wanted: ImageReference) -> Bool {
        known.name == wanted.name && (wanted.tag == nil || known.tag == wanted.tag)
    }

    /// The name without the digest that may follow it, which must be the image's.
    private func pinnedReference(_ text: String, _ plan: ImagePlan, field: String) throws(Failure) -> ImageReference {
        let reference = try ImageReference(parsing: text)
        guard let digest = reference.digest else { return reference }
        try ImportAdmission.check(digest, plan, from: request.source, field: field)
        let tag = reference.tag ?? "latest"
        return try ImageReference(domain: reference.domain, path: reference.path, tag: tag, digest: nil)
    }

    private func several(_ plans: [ImagePlan], _ cause: String) -> Failure {
        Failure(
            "image.several-images", doing: "import", on: request.source.shown,
            cause: "it holds \(plans.count) images, \(names(plans)), and \(cause)",
            remedy: "choose one with --reference", field: "name")
    }

    private func names(_ plans: [ImagePlan]) -> String {
        plans.prefix(16).map { plan in
            plan.references.first?.familiar ?? "an image without a name (\(plan.manifest.configuration.digest.short))"
        }.joined(separator: ", ")
    }
}
