-- The types that Oracle has since 23ai.
CREATE TABLE TYPE_RECENT (
    ID           NUMBER(9) NOT NULL,
    NOTE         VARCHAR2(30),
    B_BOOLEAN    BOOLEAN,
    J_JSON       JSON,
    V_VECTOR     VECTOR(*, FLOAT64),
    CONSTRAINT TYPE_RECENT_PK PRIMARY KEY (ID)
)
/
