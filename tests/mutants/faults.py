"""All classes of fault, by what they are about."""

from tests.mutants import (
    faults_commit,
    faults_name,
    faults_safety,
    faults_secret,
    faults_step,
    faults_trust,
    faults_type,
    faults_yaml,
)

FAULTS = (
    *faults_yaml.FAULTS,
    *faults_step.FAULTS,
    *faults_type.FAULTS,
    *faults_safety.FAULTS,
    *faults_secret.FAULTS,
    *faults_trust.FAULTS,
    *faults_commit.FAULTS,
    *faults_name.FAULTS,
)
