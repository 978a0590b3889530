//! What is in a packet: the evidence, and everything that follows from it.
//!
//! Of the files under `data/`, some are evidence (the plan, the records, the validator's words, the bytes of modules and inputs)
//! and the others follow from it (the verdict, the decision, the report). [`Evidence::payload`] writes them all;
//! [`Evidence::from_payload`] reads the evidence back. The gate does one after the other and compares bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Sha256, canonical,
    decision::Decision,
    isolation::IsolationRecord,
    judge,
    plan_record::PlanRecord,
    record::{CaseRecord, LegRecord, ProbeRecord, ProbeSummary, RECORD_FORMAT, Record, SourceRecord, StepRecord, StepSummary},
    report::{Report, to_markdown},
    verdict::{RulingRecord, Verdict},
};

/// Everything that a rehearsal found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The text of the plan.
    pub plan_text: Vec<u8>,
    /// The plan as it was resolved.
    pub plan: PlanRecord,
    /// What stood between the modules and everything else.
    pub isolation: IsolationRecord,
    /// What the host saw.
    pub record: Record,
    /// What the validator said.
    pub ruling: RulingRecord,
    /// The bytes of every module, input and document.
    pub files: BTreeMap<Sha256, Vec<u8>>,
}

/// What follows from the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// The verdict.
    pub verdict: Verdict,
    /// The decision packet.
    pub decision: Decision,
    /// The report.
    pub report: Report,
}

/// A file of a packet that is missing, or is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct Unreadable {
    /// The path within the packet.
    pub file: String,
    /// What is wrong.
    pub problem: String,
}

const PLAN_TEXT: &str = "data/plan.toml";
const PLAN: &str = "data/plan.json";
const ISOLATION: &str = "data/isolation.json";
const SOURCE: &str = "data/source.json";
const RULING: &str = "data/validator.json";
const VERDICT: &str = "data/verdict.json";
const DECISION: &str = "data/decision.json";
const REPORT: &str = "data/report.json";
const REPORT_PAGE: &str = "data/report.md";

impl Evidence {
    /// What follows from it.
    pub fn conclusion(&self) -> Conclusion {
        let verdict = judge::judge(&self.record, &self.ruling);
        let decision = Decision::hold(&verdict);
        let report = Report::new(self, &verdict, &decision);
        Conclusion { verdict, decision, report }
    }

    /// Every file under `data/`.
    pub fn payload(&self) -> BTreeMap<String, Vec<u8>> {
        self.payload_with(&self.conclusion())
    }

    /// The same for one who has its conclusion already.
    pub(crate) fn payload_with(&self, conclusion: &Conclusion) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut add = |path: String, bytes: Vec<u8>| {
            files.insert(path, bytes);
        };
        add(PLAN_TEXT.into(), self.plan_text.clone());
        add(PLAN.into(), canonical::to_bytes(&self.plan));
        add(ISOLATION.into(), canonical::to_bytes(&self.isolation));
        add(SOURCE.into(), canonical::to_bytes(&self.record.source));
        for step in &self.record.steps {
            let name = &step.step.name;
            add(format!("data/steps/{name}/step.json"), canonical::to_bytes(&step.step));
            for leg in &step.legs {
                add(format!("data/steps/{name}/{}.json", leg.leg.name()), canonical::to_bytes(leg));
            }
        }
        for probe in &self.record.probes {
            let name = &probe.probe.name;
            add(format!("data/probes/{name}/probe.json"), canonical::to_bytes(&probe.probe));
            for case in &probe.cases {
                add(format!("data/probes/{name}/cases/{}.json", case.case), canonical::to_bytes(case));
            }
        }
        add(RULING.into(), canonical::to_bytes(&self.ruling));
        for (digest, bytes) in &self.files {
            add(format!("data/files/{digest}"), bytes.clone());
        }
        add(VERDICT.into(), canonical::to_bytes(&conclusion.verdict));
        add(DECISION.into(), canonical::to_bytes(&conclusion.decision));
        add(REPORT_PAGE.into(), to_markdown(&conclusion.report).into_bytes());
        add(REPORT.into(), canonical::to_bytes(&conclusion.report));
        files
    }

    /// Reads the evidence out of a payload. `file` gives the bytes of one path.
    ///
    /// # Errors
    /// The first file that is missing or is not what it should be.
    pub fn from_payload<'a>(file: &dyn Fn(&str) -> Option<&'a [u8]>) -> Result<Self, Unreadable> {
        let bytes = |path: &str| file(path).ok_or_else(|| Unreadable { file: path.to_owned(), problem: "it is missing".to_owned() });
        let plan_text = bytes(PLAN_TEXT)?.to_vec();
        let plan: PlanRecord = read(file, PLAN)?;
        if plan.text != Sha256::of(&plan_text) {
            return Err(Unreadable { file: PLAN_TEXT.into(), problem: "its digest is not the one in data/plan.json".into() });
        }
        let mut steps = Vec::new();
        for step in &plan.steps {
            let name = &step.name;
            let summary: StepSummary = read(file, &format!("data/steps/{name}/step.json"))?;
            let legs = crate::record::Leg::ALL.iter().map(|leg| read::<LegRecord>(file, &format!("data/steps/{name}/{}.json", leg.name())));
            steps.push(StepRecord { step: summary, legs: legs.collect::<Result<_, _>>()? });
        }
        let mut probes = Vec::new();
        for probe in &plan.probes {
            let name = &probe.name;
            let summary: ProbeSummary = read(file, &format!("data/probes/{name}/probe.json"))?;
            let cases = summary.cases.iter().map(|case| read::<CaseRecord>(file, &format!("data/probes/{name}/cases/{case}.json")));
            let cases = cases.collect::<Result<_, _>>()?;
            probes.push(ProbeRecord { probe: summary, cases });
        }
        let source: SourceRecord = read(file, SOURCE)?;
        let mut files = BTreeMap::new();
        for digest in plan.files().map(|file| file.sha256).collect::<BTreeSet<_>>() {
            let path = format!("data/files/{digest}");
            let content = bytes(&path)?;
            if Sha256::of(content) != digest {
                return Err(Unreadable { file: path, problem: "its name is not the digest of its bytes".into() });
            }
            files.insert(digest, content.to_vec());
        }
        let record = Record { format: RECORD_FORMAT, plan: plan.name.clone(), source, steps, probes };
        let evidence = Self { plan_text, isolation: read(file, ISOLATION)?, record, ruling: read(file, RULING)?, files, plan };
        evidence.hangs_together()?;
        Ok(evidence)
    }

    /// Checks what the types cannot say: that the files speak of the same plan.
    fn hangs_together(&self) -> Result<(), Unreadable> {
        let wrong = |file: String, problem: &str| Err(Unreadable { file, problem: problem.to_owned() });
        let formats = [
            (PLAN, self.plan.format, crate::plan_record::PLAN_RECORD_FORMAT),
            (ISOLATION, self.isolation.format, crate::isolation::ISOLATION_FORMAT),
            (RULING, self.ruling.format, crate::verdict::VERDICT_FORMAT),
        ];
        for (file, found, known) in formats {
            if found != known {
                return wrong(file.into(), &format!("it is of format {found}; this tool knows {known}"));
            }
        }
        for (grant, step) in self.plan.steps.iter().zip(&self.record.steps) {
            if step.step.name != grant.name || step.step.module != grant.module.sha256 {
                return wrong(format!("data/steps/{}/step.json", grant.name), "it is not of the step and module that data/plan.json names");
            }
        }
        for (grant, probe) in self.plan.probes.iter().zip(&self.record.probes) {
            if probe.probe.name != grant.name || probe.probe.module != grant.module.sha256 {
                return wrong(
                    format!("data/probes/{}/probe.json", grant.name),
                    "it is not of the probe and module that data/plan.json names",
                );
            }
        }
        if self.ruling.module != self.plan.validator.module.sha256 {
            return wrong(RULING.into(), "it is not of the validator that data/plan.json names");
        }
        Ok(())
    }
}

fn read<'a, T: Serialize + DeserializeOwned>(file: &dyn Fn(&str) -> Option<&'a [u8]>, path: &str) -> Result<T, Unreadable> {
    let unreadable = |problem: String| Unreadable { file: path.to_owned(), problem };
    let bytes = file(path).ok_or_else(|| unreadable("it is missing".to_owned()))?;
    canonical::from_bytes(bytes).map_err(|error| unreadable(error.to_string()))
}
