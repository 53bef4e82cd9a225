"""What announces each bit of IA32_SPEC_CTRL, and when forcing it protects nobody: the rules that policies are read with.

Modelled: for each bit the CPUID feature without which a WRMSR that sets it faults, or, of STIBP where IBRS is
enumerated, is ignored; the bits of IA32_ARCH_CAPABILITIES under which the bit has nothing to protect from on that
processor.

**Not modelled**: AMD's enumeration of the same bits; microcode that adds a bit without its CPUID feature; what
a bit costs; whether a guest's own software mitigation would do.

Sources:
    [SDM]          Intel SDM vol. 4, MSR 48H and 10AH; CPUID leaf 7, subleaves 0 and 2
    [LNX]          Linux 6.12.117, arch/x86/include/asm/cpufeatures.h, msr-index.h and arch/x86/kvm/reverse_cpuid.h
    [XEN]          xen-project/xen at c447b7308b13, xen/arch/x86/msr.c:404, a comment: STIBP is ignored where it is not enumerated
    [BOCHS]        bochs-emu/Bochs at 783b58fd6d9b, bochs/cpu/msr.cc, the bits that a processor with all of them accepts
    [24453324491]  RFC v2 08/11: RRSBA_DIS_S is derived where the host has RRSBA_CTRL and ARCH_CAPABILITIES.RRSBA
    [24811799058]  RFC v2 09/11: BHI_DIS_S is derived where the host has BHI_CTRL and not ARCH_CAPABILITIES.BHI_NO
"""

from dataclasses import dataclass

from specproof.models.registers import SPEC_CTRL


@dataclass(frozen=True)
class Rule:
    """One bit: its CPUID feature; `spared` are capabilities that make it needless, `needs` one without which it is.

    With `ignored` enumerated, a WRMSR that sets the bit does not fault where its own feature is missing, and has no effect.
    """

    feature: str
    where: str
    spared: str = ""
    needs: str = ""
    ignored: str = ""
    source: str = "[SDM, LNX]"


#: By the name of the bit. [SDM, LNX, BOCHS]
RULES: dict[str, Rule] = {
    "IBRS": Rule("SPEC_CTRL", "CPUID.7.0:EDX[26]"),
    "STIBP": Rule("STIBP", "CPUID.7.0:EDX[27]", ignored="SPEC_CTRL", source="[SDM, LNX, XEN]"),
    "SSBD": Rule("SSBD", "CPUID.7.0:EDX[31]", spared="SSB_NO"),
    "IPRED_DIS_U": Rule("IPRED_CTRL", "CPUID.7.2:EDX[1]"),
    "IPRED_DIS_S": Rule("IPRED_CTRL", "CPUID.7.2:EDX[1]"),
    "RRSBA_DIS_U": Rule("RRSBA_CTRL", "CPUID.7.2:EDX[2]", needs="RRSBA", source="[SDM, LNX, 24453324491]"),
    "RRSBA_DIS_S": Rule("RRSBA_CTRL", "CPUID.7.2:EDX[2]", needs="RRSBA", source="[SDM, LNX, 24453324491]"),
    "PSFD": Rule("PSFD", "CPUID.7.2:EDX[0]"),
    "DDPD_U": Rule("DDPD_U", "CPUID.7.2:EDX[3]"),
    "BHI_DIS_S": Rule("BHI_CTRL", "CPUID.7.2:EDX[4]", spared="BHI_NO", source="[SDM, LNX, 24811799058]"),
}

#: CPUID features that announce a bit.
FEATURES: tuple[str, ...] = tuple(dict.fromkeys(rule.feature for rule in RULES.values()))

#: Bits of IA32_ARCH_CAPABILITIES that say something about one of them. [SDM, LNX msr-index.h]
ARCH_CAPABILITIES: dict[str, int] = {"IBRS_ALL": 1, "RSBA": 2, "SSB_NO": 4, "RRSBA": 19, "BHI_NO": 20}


def accepted(features: frozenset[str]) -> int:
    """The bits that a WRMSR on a processor with these CPUID features accepts, one that it ignores among them. [SDM, XEN]"""
    return sum(1 << SPEC_CTRL.positions[bit] for bit, rule in RULES.items() if features & {rule.feature, rule.ignored})


def needless(bit: str, arch_capabilities: frozenset[str]) -> str:
    """Why setting the bit protects nobody on a processor with these ARCH_CAPABILITIES; empty where it does. [24453324491, 24811799058]"""
    rule = RULES[bit]
    if rule.spared and rule.spared in arch_capabilities:
        return f"ARCH_CAPABILITIES.{rule.spared} is set {rule.source}"
    if rule.needs and rule.needs not in arch_capabilities:
        return f"ARCH_CAPABILITIES.{rule.needs} is clear {rule.source}"
    return ""
