"""The registers of IA32_SPEC_CTRL virtualization: names of their bits, and how a policy follows from them.

Modelled: the bits of IA32_SPEC_CTRL and of the virtual MSRs of KVM's RFC series, and derive(), which says
which bits of IA32_SPEC_CTRL a vCPU must have set, given what its guest asked for and what the host can do.

MITIGATION_CTRL and MITIGATION_ENUM are kept *recoded*: each of their two bits at the position of the
IA32_SPEC_CTRL bit that stands for it (RETPOLINE_S at RRSBA_DIS_S, BHB_CLEAR_SEQ_S at BHI_DIS_S). The
recoding is one to one on the bits that these registers have; a value with any other bit is refused
before it is stored, so nothing is lost, and derive() becomes a conjunction, bit by bit.

Not modelled: bits of the virtual MSRs that were discussed and never posted.

Sources:
    [24000808604]  RFC v2 11/11, the bits that its selftest names
    [SDM]          Intel SDM vol. 4, MSR 48H; CPUID leaf 7, subleaf 2
    [24876894651]  RFC v2 05/11, the virtual MSRs
    [24453324491]  RFC v2 08/11, RETPOLINE_S to RRSBA_DIS_S
    [24811799058]  RFC v2 09/11, BHB_CLEAR_SEQ_S to BHI_DIS_S
"""

from typing import Annotated

from specproof import Bits, Bool, Word, ite, word

#: IA32_SPEC_CTRL, MSR 48H. [24000808604, SDM]
SPEC_CTRL = Bits(IBRS=0, STIBP=1, SSBD=2, IPRED_DIS_U=3, IPRED_DIS_S=4, RRSBA_DIS_U=5, RRSBA_DIS_S=6, PSFD=7, DDPD_U=8, BHI_DIS_S=10)

#: MSR_VIRTUAL_MITIGATION_CTRL, 50000002H, and the same positions of MSR_VIRTUAL_MITIGATION_ENUM, 50000001H. [24876894651]
MITIGATION_CTRL = Bits(BHB_CLEAR_SEQ_S=0, RETPOLINE_S=1)

#: A value that is written to MITIGATION_CTRL.
CtrlValue = Annotated[Word, 64, MITIGATION_CTRL]

#: One that is written to MITIGATION_ENUM or to MSR_VIRTUAL_ENUMERATION, 50000000H, whose one bit says that there is MITIGATION_CTRL. [24876894651]
EnumValue = Annotated[Word, 64, Bits(BHB_CLEAR_SEQ_S_or_MITIGATION_CTRL=0, RETPOLINE_S=1)]

#: The two virtual MSRs as the models keep them.
RECODED = Bits(RETPOLINE_S=6, BHB_CLEAR_SEQ_S=10)

#: Every bit that derive() can yield.
FORCEABLE = word(0x440)

#: What the 32-bit compare and the WRMSR of KVM's entry code see of a value.
LOW_HALF = word(0xFFFF_FFFF)


def recoded(data: Word) -> Word:
    """A value of MITIGATION_CTRL or MITIGATION_ENUM in the models' form. [24876894651]"""
    return ite(data.bit(1), word(0x40), 0) | ite(data.bit(0), word(0x400), 0)


def reserved(data: Word) -> Bool:
    """The value has a bit outside MITI_CTRL_VALID_BITS, which equals MITI_ENUM_VALID_BITS. [24453324491, 24811799058]"""
    return (data & ~MITIGATION_CTRL_VALID_BITS) != 0


#: MITI_CTRL_RETPOLINE_S_USED and MITI_CTRL_BHB_CLEAR_SEQ_S_USED. [24453324491, 24811799058]
MITIGATION_CTRL_VALID_BITS = word(0x3)


def enforceable(rrsba_ctrl: Bool, rrsba: Bool, bhi_ctrl: Bool, bhi_no: Bool) -> Word:
    """What a host can enforce, from KVM's CPUID.7.2 RRSBA_CTRL and BHI_CTRL and ARCH_CAPABILITIES' RRSBA and BHI_NO.

    [24453324491, 24811799058]
    """
    return ite(rrsba_ctrl & rrsba, word(0x40), 0) | ite(bhi_ctrl & ~bhi_no, word(0x400), 0)


def derive(ctrl: Word, enforces: Word) -> Word:
    """The bits that must be set: those that the guest asked for and that this host enforces. [24453324491, 24811799058]"""
    return ctrl & enforces
